"""The plan: every cell that params.yaml names, with all parameters validated before anything runs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from harness import registry
from harness.errors import BenchError, nearest, unknown, unknown_key
from harness.plan import bounds
from harness.plan.blocks import ablated_block
from harness.plan.controls import with_controls
from harness.plan.params import blocks_of, method_params
from harness.plan.resources import Resources
from harness.run.like import without_title
from harness.run.params import TaskParams, validate
from harness.schema import Ablated, Ablation
from harness.settings import Settings
from harness.store import CellName, cell_folder, cell_name, check_names


def _block(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("must be a block of keys, indented below its name")
    return value


IS_BLOCK = BeforeValidator(_block)
Block = Annotated[dict[str, Any], IS_BLOCK]


class ReportParams(Settings):
    """The parameters of the report.

    published: for a task under the paper's own protocol, which of its columns stands beside ours. floors: the methods
    of a task that learn nothing of what it asks, so that a row which does no better shows nothing. looks: names of
    methods, whose places here give each its colour, dash and marker; a name that is not here has a look by its letters.
    """

    baseline: dict[str, str]
    floors: dict[str, list[str]] = {}
    published: dict[str, dict[str, Any]] = {}
    looks: list[str] = Field([], max_length=126)


class TopLevel(Settings):
    """resources: of a block of each task where it runs on a cluster; no result follows from them."""

    preset: str
    protocol: int = Field(ge=1)
    tasks: dict[str, Block]
    methods: dict[str, Annotated[dict[str, Block], IS_BLOCK]]
    ablations: dict[str, dict[str, Ablation]] = {}
    report: ReportParams
    resources: dict[str, dict[str, Any]] = {}


C = TypeVar("C", bound=CellName)


@dataclass(frozen=True)
class Cell(CellName):
    """A unit of training: (task, method) with all its seeds, which is one DVC stage.

    named: the seeds that the parameters name; `seeds` may include more.
    rewards: for re-training, how many learnt rewards the parameters name.
    joins: whether a record exists, to which the new seeds are joined.
    """

    method: str
    family: str
    algorithm: str
    task_params: TaskParams
    method_params: Settings
    seeds: tuple[int, ...]
    protocol: int
    preset: str
    ablation: Ablated | None = None
    named: tuple[int, ...] = ()
    rewards: int | None = None
    joins: bool = False

    @property
    def blocks(self) -> list[tuple[int, ...]]:
        """What is trained together; seeds beyond the named ones never share a block with those."""
        size, first = self.task_params.block, len(self.named)
        parts = (self.seeds[:first], self.seeds[first:]) if self.seeds[:first] == self.named else (self.seeds,)
        return [part[i : i + size] for part in parts for i in range(0, len(part), size)]

    def folder(self, root: Path) -> Path:
        return cell_folder(root, self.task, self.name)


@dataclass(frozen=True)
class Plan:
    params: dict[str, Any]
    cells: list[Cell]
    resources: dict[str, Resources] = field(default_factory=dict)

    def takes(self, cell: Cell) -> Resources:
        """What a block of `cell` takes of a machine: by default as many cores as it has threads."""
        said = self.resources.get(cell.task, Resources())
        return said if said.cpus else said.model_copy(update={"cpus": cell.task_params.threads})

    def cell(self, task: str, name: str) -> Cell:
        if task not in self.params["tasks"]:
            raise BenchError(unknown(f"task {task}", task, self.params["tasks"]))
        names = {c.name: c for c in self.cells if c.task == task}
        if name not in names:
            raise BenchError(f"task {task} has no cell {name}; {nearest(name, names)}")
        return names[name]

    def chosen(self, task: str | None = None, name: str | None = None) -> list[Cell]:
        """Return one cell, the cells of a task, or all; at least one. Raises BenchError with the nearest name."""
        if task is not None and name is not None:
            return [self.cell(task, name)]
        if task is not None and task not in self.params["tasks"]:
            raise BenchError(unknown(f"task {task}", task, self.params["tasks"]))
        return some([cell for cell in self.cells if task in (None, cell.task)], task)

    def of_words(self, first: str | None = None, others: Sequence[str] = ()) -> list[Cell]:
        """The cells that a command line names: TASK, TASK CELL ..., or TASK/CELL ...; without any word all of them.

        Raises BenchError as `chosen` does.
        """
        words = [word for word in (first, *others) if word is not None]
        if any("/" in word for word in words):
            pairs = [word.partition("/") for word in words]
            for word, (task, _, name) in zip(words, pairs, strict=True):
                if not (task and name):
                    raise BenchError(f"{word!r} is not TASK/CELL: write TASK CELL ..., or TASK/CELL for every cell")
        else:
            pairs = [(first or "", "/", word) for word in others]
        found = {pair: self.cell(pair[0], pair[2]) for pair in pairs}  # a cell that is named twice is there once
        return list(found.values()) or self.chosen(first)

    def method(self, name: str, task: str | None = None) -> list[Cell]:
        """Return the method's cell in `task`, or in every task that has it. Raises BenchError with the nearest name."""
        if task is not None and task not in self.params["tasks"]:
            raise BenchError(unknown(f"task {task}", task, self.params["tasks"]))
        cells = [c for c in self.cells if c.ablation is None and task in (None, c.task)]
        if found := [c for c in cells if c.name == name]:
            return found
        if task is None and name in self.params["tasks"]:
            raise BenchError(f"{name} is a task: name one of its methods, METHOD --task {name}")
        known = [
            *dict.fromkeys(c.name for c in cells),
            *(() if task else self.params["tasks"]),
        ]  # a task's name may be meant
        where = f"method {name} of {task}" if task else f"task or method {name}"
        raise BenchError(unknown(where, name, known))


def some(cells: list[C], task: str | None = None) -> list[C]:
    """The cells of a task, or of all. Raises BenchError where there is none."""
    if not cells:
        where = "methods" if task is None else f"methods.{task}"
        raise BenchError(f"params.yaml: {where} is empty: list there what is to be trained")
    return cells


def load_plan(root: Path, file: str = "params.yaml") -> Plan:
    """Read and validate `file`; raises the errors of `plan_of`."""
    return plan_of(blocks_of(root, file), file)


def plan_of(raw: dict[str, Any], file: str) -> Plan:
    """Return the plan for parameters with every `like` resolved.

    Raises BenchError with a line for each invalid block: its key, its value and what is allowed.

    file: where the parameters are from, for error messages.
    """
    check_names(raw, file)
    try:
        top = validate(TopLevel, raw, file)
    except BenchError as error:
        raise BenchError(in_words_of_yaml(str(error))) from None
    faults = Faults()
    tasks: dict[str, TaskParams] = {}
    for name, block in top.tasks.items():
        with faults.collect():
            tasks[name] = _task(name, block, file)
    for task in top.methods:
        if task not in top.tasks:
            faults.add(unknown_key(f"{file}: methods.{task}", task, top.tasks))
    cells: list[Cell] = []
    rows = with_controls(raw, file)["methods"]
    for task, methods in rows.items():
        for method, block in methods.items():
            with faults.collect():
                if task in tasks:
                    cells.append(_cell(top, task, tasks[task], method, method, block, tasks[task].seeds, None, file))
                elif (family := top.tasks.get(task, {}).get("family")) in registry.families():
                    _method(family, block, f"{file}: methods.{task}.{method}")  # the task's own faults are told above
    for task, ablations in top.ablations.items():
        for name, ablation in ablations.items():
            if task in tasks or task not in top.tasks:
                with faults.collect():
                    cells += _ablation_cells(top, task, tasks, name, ablation, file)
    named = [("baseline", task, method, top.methods) for task, method in top.report.baseline.items()]
    named += [("floors", task, method, rows) for task, floors in top.report.floors.items() for method in floors]
    for key, task, method, known in named:
        where = f"{file}: report.{key}"
        if task not in top.tasks:
            faults.add(unknown_key(f"{where}.{task}", task, top.tasks))
        elif method not in known.get(task, {}):
            faults.add(unknown_key(f"{where}.{task} = {method}", method, known.get(task, {})))
    resources: dict[str, Resources] = {}
    for task, block in top.resources.items():
        where = f"{file}: resources.{task}"
        if task not in top.tasks:
            faults.add(unknown_key(where, task, top.tasks))
        with faults.collect():
            resources[task] = validate(Resources, block, where)
    faults.raise_any()
    return Plan(raw, cells, resources)


WORDS = (
    (
        r"must be a valid dictionary(?: or instance of \w+| or object to extract fields from)?",
        "must be a block of keys",
    ),
    (r"must be a valid tuple", "must be a list"),
    (r"tuple should have at least 1 item after validation, not 0", "must have at least one item"),
    (r"(must be a valid \w+), unable to .*", r"\1"),
)


def in_words_of_yaml(line: str) -> str:
    """Return a message of the schema without the words of Python, for which a writer of YAML has others."""
    for theirs, ours in WORDS:
        line = re.sub(theirs, ours, line)
    return line


class Faults:
    """Errors in the blocks of a file, reported all at once; an error that several blocks inherit is reported for the
    first.
    """

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}  # without the name of the method -> as told

    def add(self, lines: str) -> None:
        for line in lines.splitlines():
            known = re.sub(r": (?:ablations\.\S+ sets )?(methods\.[^.]+)\.[^.]+", r": \1", line, count=1)
            self.lines.setdefault(known, in_words_of_yaml(line))

    @contextlib.contextmanager
    def collect(self) -> Iterator[None]:
        try:
            yield
        except BenchError as error:
            self.add(str(error))

    def raise_any(self) -> None:
        """Raise BenchError if there are any errors."""
        if self.lines:
            raise BenchError("\n".join(self.lines.values()))


def _task(name: str, block: dict[str, Any], file: str) -> TaskParams:
    where = f"{file}: tasks.{name}"
    if "family" not in block:
        raise BenchError(f"{where}.family: missing; known: {', '.join(registry.families())}")
    if block["family"] not in registry.families():
        raise BenchError(unknown(f"{where}.family = {block['family']}", block["family"], registry.families()))
    if "seeds" in block and not (isinstance(block["seeds"], (list, tuple)) and block["seeds"]):
        raise BenchError(f"{where}.seeds = {block['seeds']}: must be a list of one or more seeds, such as [0, 1, 2]")
    bounds.check(block, where)
    return validate(registry.family(block["family"]).Params, without_title(block), where)


def _method(family: str, block: dict[str, Any], where: str) -> Settings:
    """The parameters of a method's block. Raises BenchError also where its algorithm does not learn the family."""
    if "algorithm" not in block:
        raise BenchError(f"{where}.algorithm: missing; known: {', '.join(registry.algorithms())}")
    if block["algorithm"] not in registry.algorithms():
        known = registry.algorithms()
        raise BenchError(unknown(f"{where}.algorithm = {block['algorithm']}", block["algorithm"], known))
    algorithm = registry.algorithm(block["algorithm"])
    if not {family, registry.learnt_as(family)} & {*algorithm.FAMILIES}:
        raise BenchError(
            f"{where}: algorithm {block['algorithm']} is for {', '.join(algorithm.FAMILIES)}, not {family}"
        )
    bounds.check(block, where)
    return method_params(algorithm, block, where)


def _cell(top, task, task_params, method, name, block, seeds, ablation, file) -> Cell:
    place = f"ablations.{task}.{ablation.name} sets methods" if ablation else "methods"
    params = _method(task_params.family, block, f"{file}: {place}.{task}.{method}")
    return Cell(
        task,
        name,
        method,
        task_params.family,
        block["algorithm"],
        task_params,
        params,
        tuple(seeds),
        top.protocol,
        top.preset,
        ablation,
        tuple(seeds),
        None if ablation else _rewards(top, task_params),
    )


def _rewards(top: TopLevel, task_params: TaskParams) -> int | None:
    """How many learnt rewards the parameters name for a task that is re-trained on them."""
    seeds = top.tasks.get(task_params.reward_task or "", {}).get("seeds")
    return len(seeds) if isinstance(seeds, (list, tuple)) else None


def _ablation_cells(top: TopLevel, task: str, tasks: dict, name: str, ablation: Ablation, file: str) -> list[Cell]:
    where = f"{file}: ablations.{task}.{name}"
    if task not in tasks:
        raise BenchError(unknown_key(f"{file}: ablations.{task}", task, tasks))
    if ablation.method not in top.methods.get(task, {}):
        raise BenchError(unknown_key(f"{where}.method = {ablation.method}", ablation.method, top.methods.get(task, {})))
    if ablation.reference is not None and ablation.reference not in top.methods.get(task, {}):
        known = top.methods.get(task, {})
        raise BenchError(unknown_key(f"{where}.reference = {ablation.reference}", ablation.reference, known))
    for key, values in ablation.along.items():
        if len(values) != len(ablation.values):
            raise BenchError(f"{where}.along.{key}: {len(values)} values for {len(ablation.values)} of {ablation.key}")
    cells = []
    for i, value in enumerate(ablation.values):
        block = ablated_block(top.methods[task][ablation.method], ablation.model_dump(), i, where)
        what = Ablated(name=name, key=ablation.key, value=value, of=ablation.method)
        cell = cell_name(ablation.method, name, value)
        cells.append(_cell(top, task, tasks[task], ablation.method, cell, block, ablation.seeds, what, file))
    return cells
