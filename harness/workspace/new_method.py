"""`bench new`: add your own method as a block of params.yaml like another one, with `file` as an algorithm too.

`package` writes only the algorithm, as a package of its own. Once that is installed, its block can name it.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from harness import registry
from harness.contracts import Settings
from harness.errors import BenchError, unknown
from harness.files import write_text
from harness.plan.params import method_params
from harness.plan.pipelines import write_pipelines
from harness.plan.plan import Plan, load_plan
from harness.run.like import LIKE, resolve
from harness.store import checked_name
from harness.workspace.new_block import keys_of, with_block
from harness.workspace.new_file import renamed_source
from harness.workspace.new_package import install, write_package
from harness.yaml_text import parse

PARAMS = "params.yaml"
INSIDE = "a key that you set replaces the inherited one, a block changes only the keys it has, and null removes a key"


class Model(NamedTuple):
    """What a new method starts from: the method `name` of `task`, or the block in the docstring of `algorithm`."""

    task: str
    name: str | None
    algorithm: str
    module: ModuleType

    @property
    def source(self) -> Path:
        """The algorithm's file."""
        return Path(str(self.module.__file__))


def new_method(
    root: Path, name: str, like: str | None, task: str | None, file: bool = False, algorithm: str | None = None
) -> list[str]:
    """Write the block, and with `file` baselines/methods/<name>.py; returns lines that say what was done and what is
    next.

    Raises BenchError, without changing anything, if the name is not allowed or there is no such model.

    algorithm: the algorithm that the block names, if it is another one than the model's.
    """
    plan = load_plan(root)
    model = _model(root, plan, like, task, file, algorithm)
    _check_name(root, plan, name, model.task, file)
    path = root / registry.METHODS / f"{name}.py"
    code = _code(model, name) if file else None
    before = (root / PARAMS).read_bytes().decode("utf-8")  # with the line ends that it has
    own = name if file else algorithm
    params = _settings(plan, model, own)
    after = with_block(before, model.task, model.name, *_block(params, model, name, own))
    _check_text(plan.params, after, model.task, name)
    try:
        if code is not None:
            write_text(path, code)
        write_text(root / PARAMS, after)
        write_pipelines(root, load_plan(root).params)
    except BaseException:
        write_text(root / PARAMS, before)
        if code is not None:
            path.unlink(missing_ok=True)
        raise
    return [
        *([f"{registry.METHODS / path.name}, from {model.source.name}"] if file else []),
        f"methods.{model.task}.{name} in {PARAMS}, from {model.name or f'the head of {model.source.name}'}",
        f"keys: {keys_of(params)}",
        f"({INSIDE})",
        f"next: edit it, run `bench try {name} --task {model.task}`, `bench check {name}`, then `dvc repro`",
    ]


def new_package(root: Path, name: str, like: str | None, task: str | None, folder: Path) -> list[str]:
    """Write an installable package with the algorithm `name` into `folder`, which must not be there; returns lines.

    Raises BenchError, with nothing written, where the name will not do or there is no such model.
    """
    plan = load_plan(root)
    model = _model(root, plan, like, task, True, None)
    _check_name(root, plan, name, model.task, False)
    _check_algorithm(root, name)
    write_package(folder, name, _code(model, name))
    block = f"bench new {name} --algorithm {name}" + (f" --like {model.name} --task {model.task}" if model.name else "")
    return [f"{folder}, from {model.source.name}", f"next: `{install(folder)}`, then `{block}`"]


def _model(root: Path, plan: Plan, like: str | None, task: str | None, file: bool, algorithm: str | None) -> Model:
    """The first task that has the method, or with `file` a method of that algorithm."""
    if task is not None and task not in plan.params["tasks"]:
        raise BenchError(unknown(f"task {task}", task, plan.params["tasks"]))
    if like is None:
        if not (file or algorithm):
            raise BenchError(
                "--like is missing: name the method to start from (`bench list` shows all),"
                " or use --file for the template"
            )
        return _shows_a_block(plan, algorithm, task)
    blocks = {t: methods for t, methods in plan.params["methods"].items() if task in (None, t)}
    names = [(t, m) for t, methods in blocks.items() for m in methods if m == like]
    names += [
        (t, m) for t, methods in blocks.items() for m, block in methods.items() if file and block["algorithm"] == like
    ]
    if not names:
        if like not in _added_rows(plan, task):
            plan.method(like, task)  # which names the nearest
        raise BenchError(f"{like} has no block of its own in {PARAMS}")
    found, method = names[0]
    its = blocks[found][method]["algorithm"]
    return Model(found, method, its, registry.algorithm(its))


def _added_rows(plan: Plan, task: str | None) -> set[str]:
    """Return the rows that the task adds, and the cells of ablations."""
    return {cell.name for cell in plan.cells if task in (None, cell.task)}


def _shows_a_block(plan: Plan, algorithm: str | None, task: str | None) -> Model:
    """The algorithm, or the template where it is None, in the first task that it can learn and that has methods."""
    module = registry.algorithm(algorithm) if algorithm else registry.template()
    what, families = algorithm or "the template", module.FAMILIES
    tasks = [
        t
        for t, block in plan.params["tasks"].items()
        if {block["family"], registry.learnt_as(block["family"])} & {*families} and plan.params["methods"].get(t)
    ]
    if task is not None and task not in tasks:
        raise BenchError(f"{what} is for {', '.join(families)}, not for {task}: start from a method of it by --like")
    if not tasks:
        raise BenchError(
            f"{what} is for {', '.join(families)}, and no such task has a method: start from another by --like"
        )
    return Model(task or tasks[0], None, algorithm or Path(str(module.__file__)).stem, module)


def _check_name(root: Path, plan: Plan, name: str, task: str, file: bool) -> None:
    checked_name("a method", name)
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or parse(name) != name:
        raise BenchError(
            f"{name!r} cannot be the name of a method: use lower-case letters, digits and _, but no keyword of Python"
            " or YAML"
        )
    if name in plan.params["tasks"]:
        raise BenchError(f"{name} is the name of a task: choose another name")
    if name in _added_rows(plan, task):
        raise BenchError(f"{task} already has a method {name}: choose another name")
    if not file:
        return
    if root != registry.ROOT:
        raise BenchError(
            f"this bench runs the code of {registry.ROOT}, so it would not find a file in {root}:"
            " use the bench of that tree"
        )
    _check_algorithm(root, name)


def _check_algorithm(root: Path, name: str) -> None:
    if name in registry.algorithms() or (root / registry.METHODS / name).exists() or name.startswith("test_"):
        raise BenchError(
            f"{name} cannot be a file of {registry.METHODS}, where the name is taken or reserved for tests:"
            " choose another name"
        )


def _settings(plan: Plan, model: Model, own: str | None) -> Settings:
    """Return the parameters of the model.

    own: the algorithm that the block names, if it is another one. A file that is yet to be written takes the parameters
        of the file that it is copied from.
    """
    if model.name is None:
        return method_params(model.module, parse(_shown_block(model, own or "")), model.source.name)
    if own in registry.algorithms():
        block = plan.params["methods"][model.task][model.name] | {"algorithm": own}
        return method_params(registry.algorithm(own), block, f"{PARAMS}: methods.{model.task}.{model.name}")
    return plan.cell(model.task, model.name).method_params


def _shown_line(model: Model) -> str:
    """The line of a file's head that shows a block to start from, with <name> for the name of method and algorithm."""
    line = re.search(r"^\s*(<name>: \{.*\})$", model.module.__doc__ or "", re.MULTILINE)
    if line is None:
        raise BenchError(
            f"{model.source} shows no block `<name>: {{...}}` at its head: name a method to start from by --like"
        )
    return line[1]


def _shown_block(model: Model, name: str) -> str:
    """Return what `_shown_line` returns for an algorithm of that name, without the name of the method."""
    return _shown_line(model).removeprefix("<name>: ").replace("<name>", name)


def _code(model: Model, name: str) -> str:
    shown = "" if model.name else _shown_line(model)
    return renamed_source(model.source.read_text(encoding="utf-8"), model.source.name, name, shown)


def _block(params: Settings, model: Model, name: str, own: str | None) -> tuple[list[str], str]:
    """Return the lines of the new block, and the comment before it.

    own: the algorithm that the block names, if any.
    """
    keys = f"Keys: {keys_of(params, depth=2)}"
    if model.name is None:
        return [f"{name}: {_shown_block(model, own or '')}"], keys
    lines = [f"{LIKE}: {model.name}", *([f"algorithm: {own}"] if own else [])]
    return [f"{name}:", *(f"  {line}" for line in lines)], f"Like {model.name} except for the keys below. {keys}"


def _check_text(params: dict[str, Any], text: str, task: str, name: str) -> None:
    """Check that the text contains the old content and the new block. Raises BenchError if it does not."""
    new = resolve(parse(text, PARAMS), PARAMS)
    if new["methods"][task].pop(name, None) is None or new != params:
        raise BenchError(f"{PARAMS} has a layout that `bench new` cannot edit: add methods.{task}.{name} by hand")
