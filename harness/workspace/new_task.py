"""`bench new-task`: add a task on your own images or environment, as blocks of params.yaml with two methods to start
from.

The methods are `like:` those of the project's own task of that kind: its baseline, and the first method with a
bottleneck.
"""

from __future__ import annotations

import keyword
import re
import shutil
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.files import write_text
from harness.metrics.encoders.efficientnet_lite0 import ENCODER
from harness.plan import needs
from harness.plan.pipelines import write_pipelines
from harness.plan.plan import Plan, load_plan
from harness.store import checked_name
from harness.workspace import first_size
from harness.workspace.new_block import with_key
from harness.yaml_text import parse

PARAMS = "params.yaml"
SEEDS = "[0, 1, 2, 3, 4]"
FEWEST = 20  # images
SHOWN = 11  # demonstrations at most, as in the project's own tasks
Lines = list[str]


def images_task(root: Path, name: str, images: Path, size: int) -> Lines:
    """Add a task on the images of a folder or zip, resized to `size` pixels; returns what was done and what is next.

    Raises BenchError, without changing anything, if there are too few images, the size is invalid, or the name is
    taken.
    """
    from harness.tasks.data_files import list_images
    from harness.tasks.data_folder import SIZES

    plan = _plan(root, name)
    if size not in SIZES:
        raise BenchError(f"--size must be one of {', '.join(map(str, SIZES))} pixels, got {size}")
    names = [file.name for file in list_images(images)]
    parts = [sum(file.startswith(part) for file in names) for part in ("train/", "test/")]
    cut = len(names) // 5
    if (n := sum(parts) if all(parts) else len(names)) < FEWEST:
        raise BenchError(f"{images} has too few images, {n}: at least {FEWEST} are needed")
    n_test = parts[1] if all(parts) else cut
    few = n_test <= ENCODER.dim
    place = images.resolve()
    shown = place.relative_to(root).as_posix() if place.is_relative_to(root) else str(place)
    where = ["train: train", "test: test"] if all(parts) else ["train: .", f"hold_out: {cut}  # a fixed random choice"]
    model = _model(plan, "images", lambda block: "bottleneck" in block)
    block = [
        f"{name}:  # {n} images, {n_test} of them to test on",
        f"  family: {'few_images' if few else 'images'}",
        *([] if few else ["  data: folder"]),
        f"  root: {_quoted(shown)}",
        f"  size: {size}",
        *(f"  {line}" for line in where),
        "  flip: false  # true: each training image is mirrored with probability 1/2",
        *_run(steps=plan.params["tasks"][model.task]["steps"], evaluations=6),
        *([] if few else [f"  score: {{encoder: {ENCODER.name}}}  # inception-v3-fid: the usual FID, with a download"]),
    ]
    net = "# for photographs and slower, as net and generator_net: {kind: convolutional, width: 16, depth: null}"
    n_train = parts[0] if all(parts) else n - cut
    rows = [_row(plan, model.task, m, n_train) for m in model.methods]
    methods = [f"{name}:", f"  {net}", *(f"  {row}" for row in rows)]
    _write(root, plan, {name: block}, {name: methods}, {name: model.methods[0]})
    told = (
        f"{n_test} test images are too few for a Frechet distance, which needs more than {ENCODER.dim}: "
        "the family is few_images, whose headline is KID"
    )
    return [*([told] if few else []), *_done(name, model.methods[0])]


def environment_task(
    root: Path, name: str, env: str | None, horizon: int | None, demonstrations: str | None = None
) -> Lines:
    """Add a task that imitates an expert in a Gymnasium environment; raises the errors of `images_task`.

    demonstrations: a data set of Minari, as a folder or an id, whose episodes are demonstrated; it may then determine
        `env`. None adds a second task for an expert.
    """
    from harness.sim.gymnasium_worlds import AnyRobot
    from harness.sim.robots import ROBOTS
    from harness.workspace.own_environment import check_registered, rehearse

    expert = f"{name}_expert"
    plan = _plan(root, name, *([] if demonstrations else [expert]))
    data = None
    if demonstrations is not None:
        from harness.workspace import minari_files

        data = minari_files.opened(demonstrations)
        env = env or minari_files.environment_of(data, demonstrations)
    if env is None:
        raise BenchError("--env is missing: name an environment of Gymnasium, or MODULE:ID of your own")
    check_registered(env)
    robot = ROBOTS.get(env) or AnyRobot(env)
    steps = horizon or robot.horizon
    if not steps:
        raise BenchError(f"{env} has no time limit: set --horizon to the steps of an episode")
    if robot.horizon and steps > robot.horizon:
        raise BenchError(f"--horizon = {steps}: must be at most {robot.horizon}, where {env} ends an episode")
    assert robot.observation_size and robot.model.nu  # of spaces that can be learnt, or told so
    if isinstance(robot, AnyRobot):
        rehearse(robot)
    pupil = _model(plan, "locomotion", lambda block: "bottleneck" in (block.get("discriminator") or {}), imitates=True)
    rule = "termination: absorbing  # an end is a state of its own; restart: another episode begins"
    world = ["family: locomotion  # all worlds at once", f"robot: {env}"] if env in ROBOTS else None
    shared = [*(world or ["family: environment", f"env: {_quoted(env)}"]), f"horizon: {steps}", rule]
    ranges = robot.model.actuator_ctrlrange if isinstance(robot, AnyRobot) and not robot.discrete else None
    base, *others = pupil.methods
    normaliser = "normaliser: {clip: null, source: both}  # an expert that never fails never shows the mark of an end"
    learner = [normaliser, *first_size.learner_lines(_learner(plan, pupil), steps, ranges)]
    rows = _block(f"{base}:", [f"like: {pupil.task}.{base}", *_block("learner:", learner)])
    rows += [f"{m}: {{like: {pupil.task}.{m}, learner: {{like: {base}.learner}}}}" for m in others]
    methods = {name: _block(f"{name}:", rows)}
    if data is not None and demonstrations is not None:
        found = minari_files.whole_episodes(data, demonstrations, robot, steps)
        source = f"data/{name}"
        file = needs.place(source)
        if (root / file).parent.exists():
            raise BenchError(f"{(root / file).parent} is there already: move it away, or give the task another name")
        own = [f"demonstrations: {source}", f"episodes: {min(found.n, SHOWN)}  # of the {found.n} in {file.name}"]
        blocks = {name: _block(f"{name}:", [*shared, *own, *first_size.pupil_lines(name, steps)])}
        minari_files.write_ours(root / file, found)
        try:
            _write(root, plan, blocks, methods, {name: base})
        except BaseException:
            shutil.rmtree((root / file).parent)
            raise
        return [f"{file}: {found.told(demonstrations)}", _written([name]), *_imitating(name, pupil.methods)]
    teacher = _model(plan, "locomotion", lambda block: False, imitates=False)
    first = teacher.methods[0]
    imitating = [
        f"like: {expert}  # a key that is not here is the expert's, such as seeds",
        f"demonstrations: {expert}/{first}",
        f"episodes: {first_size.EPISODES}",
        *first_size.difference_lines(name, steps),
    ]
    blocks = {
        expert: _block(f"{expert}:", [*shared, *first_size.expert_lines(steps)]),
        name: _block(f"{name}:  # imitates that expert", imitating),
    }
    row = [
        f"like: {teacher.task}.{first}",
        f"demonstrations: {first_size.updates_shown(steps)}  # updates, its last, whose episodes it demonstrates",
        *_block("learner:", first_size.learner_lines(_learner(plan, teacher), steps, ranges)),
    ]
    experts = _block(f"{expert}:", _block(f"{first}:", row))
    _write(root, plan, blocks, {expert: experts, **methods}, {expert: first, name: base})
    return [_written([expert, name]), f"next: bench train {expert}", *_imitating(name, pupil.methods, "then:")]


def _imitating(name: str, methods: list[str], first: str = "next:") -> Lines:
    """Return the commands that train the methods of a task and compare them, one a line."""
    other, base = methods[-1], methods[0]
    compare = [f"bench compare {other} {base} --task {name}"] if other != base else []
    commands = [f"bench train {name} --jobs 2", *compare, "bench evaluate", "bench report"]
    return [f"{first if command is commands[0] else 'then:'} {command}" for command in commands]


def family_task(root: Path, name: str) -> Lines:
    """A family of tasks, as the file harness/tasks/<name>.py from the template, with a task of it; errors likewise."""
    if root != registry.ROOT:
        raise BenchError(
            f"this bench runs the code of {registry.ROOT}, so a file in {root} would not be found:"
            " use the bench of that tree"
        )
    plan, template = _plan(root, name), registry.family_template()
    file, source = registry.FAMILIES / f"{name}.py", Path(str(template.__file__))
    if (root / file).exists() or keyword.iskeyword(name) or name.startswith("data_"):
        raise BenchError(
            f"{name} cannot be a file of {registry.FAMILIES}, where the name is taken or kept: take another"
        )
    model = _model(plan, template.learnt_as, lambda block: "bottleneck" in block)
    block = [
        f"{name}:",
        f"  family: {name}  # {file}",
        "  modes: 8",
        *_run(steps=1000, evaluations=4),
    ]
    methods = [f"{name}:", *(f"  {m}: {{like: {model.task}.{m}}}" for m in model.methods)]
    text = source.read_text(encoding="utf-8")
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    text = re.sub(r"\bTemplate\b", camel, text).replace(f'"{source.stem}"', f'"{name}"')
    write_text(root / file, re.sub(r"\n`bench new-task <name> .*?\n\"\"\"", '"""', text, count=1, flags=re.DOTALL))
    try:
        _write(root, plan, {name: block}, {name: methods}, {name: model.methods[0]})
    except BaseException:
        (root / file).unlink()
        raise
    return [str(file), *_done(name, model.methods[0])]


def _row(plan: Plan, task: str, method: str, n_train: int) -> str:
    """Return the line of a method that is like one of `task`, with a smaller batch if there are too few images."""
    batch = plan.params["methods"][task][method].get("batch", 0)
    fewer = f", batch: {n_train}" if n_train < batch else ""
    return f"{method}: {{like: {task}.{method}{fewer}}}"


class Model:
    """The project's task that a new one is like, and its methods to start from."""

    def __init__(self, task: str, methods: list[str]):
        self.task, self.methods = task, methods


def _model(plan: Plan, family: str, bottled: Any, imitates: bool | None = None) -> Model:
    """Return the first task of the family, its baseline and the first method that `bottled` accepts."""
    for task, block in plan.params["tasks"].items():
        rows = plan.params["methods"].get(task) or {}
        baseline = plan.params["report"]["baseline"].get(task)
        if block["family"] == family and baseline in rows and imitates in (None, bool(block.get("demonstrations"))):
            return Model(task, [baseline, *[m for m in rows if bottled(rows[m])][:1]])
    raise BenchError(
        f"{PARAMS} has no task of the family {family} with a baseline, from which the new methods could inherit"
    )


def _plan(root: Path, *names: str) -> Plan:
    plan = load_plan(root)
    for name in names:
        checked_name("a task", name)
        if not re.fullmatch("[a-z][a-z0-9_]*", name) or parse(name) != name:
            raise BenchError(
                f"{name!r} cannot be the name of a task: use lower-case letters, digits and _, but no keyword of YAML"
            )
        if name in plan.params["tasks"] or name in {cell.name for cell in plan.cells}:
            raise BenchError(f"{name} is already the name of a task or a method: choose another name")
    return plan


def _block(head: str, lines: Lines) -> Lines:
    return [head, *(f"  {line}" for line in lines)]


def _learner(plan: Plan, model: Model) -> dict[str, Any]:
    """Return the learner of the first of a model's methods."""
    found: dict[str, Any] = plan.params["methods"][model.task][model.methods[0]].get("learner") or {}
    return found


def _run(steps: int, evaluations: int) -> Lines:
    return [
        f"  seeds: {SEEDS}",
        "  block: 5  # seeds that are trained as one stack",
        f"  steps: {steps}",
        f"  evaluations: {evaluations}  # scored points of a run, the last one at its end",
    ]


def _write(
    root: Path, plan: Plan, tasks: dict[str, Lines], methods: dict[str, Lines], baseline: dict[str, str]
) -> None:
    path = root / PARAMS
    before = text = path.read_bytes().decode("utf-8")
    for lines in tasks.values():
        text = with_key(text, ("tasks",), lines)
    for lines in methods.values():
        text = with_key(text, ("methods",), lines)
    for task, method in baseline.items():
        text = with_key(text, ("report", "baseline"), [f"{task}: {method}"])
    try:
        write_text(path, text)
        new = load_plan(root)
        if {name: block for name, block in new.params["tasks"].items() if name not in tasks} != plan.params["tasks"]:
            raise BenchError(f"{PARAMS} has a layout that `bench new-task` cannot edit: add the task by hand")
        for task in tasks:
            registry.family(new.params["tasks"][task]["family"])
        write_pipelines(root, new.params)
    except BaseException:
        write_text(path, before)
        raise


def _written(tasks: list[str]) -> str:
    return f"{', '.join(f'tasks.{task}, methods.{task}' for task in tasks)} in {PARAMS}, pipelines/ for DVC"


def _done(task: str, method: str) -> Lines:
    return [_written([task]), f"next: `bench try {method} --task {task}`, or `dvc repro` for the whole"]


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./-]+", text) and parse(text) == text else "'" + text.replace("'", "''") + "'"
