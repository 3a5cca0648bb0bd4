"""Find records that must never be in the same table; each fault is described in a line that names both sides."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.errors import BenchError
from harness.ranges import span

if TYPE_CHECKING:
    from harness.report.records.frame import CellFrame, TaskFrame


def check(frame: TaskFrame, protocol: int) -> None:
    """Raise BenchError for the first of the faults."""
    for _, why in faults(frame, protocol):
        raise BenchError(why)


def faults(frame: TaskFrame, protocol: int) -> Iterator[tuple[str, str]]:
    """Yield (cell, reason) for records whose protocol, data, manifests, directions or seeds do not match the others.

    Raises BenchError if the parameters name an unknown method as the reference of an ablation.

    protocol: the protocol that every record must have.
    """
    run = [cell for cell in frame.everything if cell.record]
    for cell in run:
        yield from _expected(cell, "name", f"{cell.head['task']}/{cell.head['cell']}", str(cell))
        yield from _expected(cell, "protocol", cell.head["protocol"], protocol)
    yield from _same(run, "preset", lambda cell: cell.head["preset"])
    yield from _same(run, "steps", lambda cell: cell.head["steps"])
    yield from _same(run, "data", lambda cell: cell.head["data_hash"])
    for metric in frame.metrics:
        having = [cell for cell in run if metric in cell.head["metrics"]]
        yield from _same(having, f"the manifest of {metric}", partial(_manifest, metric=metric))
        yield from _same(having, f"the direction of {metric}", partial(_direction, metric=metric))
        for cell in having:
            yield from _references(cell, metric, frame.references(metric))
    yield from _nested([cell for cell in frame.cells if cell.record])
    for ablation in frame.ablations:
        swept = [cell for cell in ablation.cells if cell.record]
        yield from _nested(swept)
        reference = frame.cell(ablation.reference)
        if reference is None:
            raise BenchError(
                f"ablations.{frame.name}.{ablation.name}: there is no method {ablation.reference!r} "
                "to compare with; name one of the task's methods as `reference`"
            )
        for cell in swept if reference.record else ():
            if not set(cell.seeds) <= set(reference.seeds):
                lacking = f"{reference.name} ({span(reference.seeds)}) lacks; run `{reference.command}`"
                yield cell.name, f"{frame.name}: {cell.name} has seeds {span(cell.seeds)}, some of which {lacking}"


def _expected(cell: CellFrame, what: str, got: Any, wanted: Any) -> Iterator[tuple[str, str]]:
    if got != wanted:
        yield cell.name, f"{cell} has {what} {got}, but this report needs {what} {wanted}; run `{cell.command}`"


def _same(cells: list[CellFrame], what: str, value: Callable[[CellFrame], Any]) -> Iterator[tuple[str, str]]:
    """Yield every cell whose value differs from the most frequent one; of equally frequent ones the first counts."""
    values = [value(cell) for cell in cells]
    most = max(range(len(cells)), key=lambda place: values.count(values[place]), default=0)
    for place, cell in enumerate(cells):
        if values[place] != values[most]:
            one, other = (f"{each.name} ({_short(value(each))})" for each in (cell, cells[most]))
            yield cell.name, f"{cell.task}: {what} of {one} and of {other} differ; run `{cell.command}`"


def _nested(cells: list[CellFrame]) -> Iterator[tuple[str, str]]:
    """Yield every cell whose seeds neither contain those of an earlier cell nor are contained in them.

    The cells with the most usual seeds come first. Nested seeds are allowed because a cell may have been given more of
    them; the shared ones are compared.
    """
    usual = Counter(tuple(sorted(cell.seeds)) for cell in cells)
    cells = sorted(cells, key=lambda cell: -usual[tuple(sorted(cell.seeds))])
    for place, cell in enumerate(cells):
        for other in cells[:place]:
            own, known = set(cell.seeds), set(other.seeds)
            if not (own <= known or known <= own):
                names = f"{cell.name} ({span(own)}) and of {other.name} ({span(known)})"
                yield cell.name, f"{cell.task}: seeds of {names} differ; run `{cell.command}`"
                break


def _references(cell: CellFrame, metric: str, known: dict[str, float]) -> Iterator[tuple[str, str]]:
    """Yield every reference value of a cell that differs from the table's by more than other processors explain."""
    for label, value in cell.head["references"].get(metric, {}).items():
        if not math.isclose(value, known[label], rel_tol=1e-3):
            said = f"{label} of {metric} is {value:.6g} in {cell.name} and {known[label]:.6g} in the cells before it"
            yield cell.name, f"{cell.task}: {said}; run `{cell.command}`"


def _short(value: Any) -> str:
    return str(value[0] if isinstance(value, tuple) else value)


def _manifest(cell: CellFrame, metric: str) -> tuple[str, Any]:
    name = cell.head["metrics"][metric]["manifest"] or "none"
    return name, cell.head["manifests"].get(name)


def _direction(cell: CellFrame, metric: str) -> str:
    return {True: "up", False: "down"}.get(cell.head["metrics"][metric]["higher_is_better"], "none")
