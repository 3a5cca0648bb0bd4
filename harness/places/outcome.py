"""Tell how the scores of trained cells went, and which expert has learnt nothing that could be imitated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.plan import needs
from harness.plan.plan import Cell, Plan
from harness.report.records.frame import CellFrame, read
from harness.report.tables.went import learnt, went
from harness.store import RECORDS


def outcomes(root: Path, plan: Plan, cells: Iterable[Cell]) -> Iterator[str]:
    """Yield a line for each of the cells that has a record, and one more for each expert that has learnt nothing."""
    experts = {needs.demonstrations(cell.task_params) for cell in plan.cells}
    for cell in cells:
        frame = _frame(root, needs.label(cell))
        if frame.record:
            yield went(frame)
            if needs.label(cell) in experts and not learnt(frame):
                yield _warning(frame)


def poor_experts(root: Path, cells: Iterable[Cell]) -> Iterator[str]:
    """Yield a line for each expert that the cells are to imitate and that has learnt nothing.

    Experts that are among the cells are left out, as they are about to be trained.
    """
    cells = list(cells)
    coming = {needs.label(cell) for cell in cells}
    for source in sorted({s for c in cells if (s := needs.demonstrations(c.task_params)) and s not in coming}):
        if not needs.given(source) and not needs.is_archived(source):
            frame = _frame(root, source)
            if frame.record and not learnt(frame):
                yield _warning(frame)


def _frame(root: Path, label: str) -> CellFrame:
    task, _, name = label.partition("/")
    return read(root / RECORDS, CellFrame(task, name, name, name))


def _warning(expert: CellFrame) -> str:
    return (
        f"warning: {expert} has learnt nothing that could be imitated, {went(expert).partition(': ')[2]}: "
        f"raise tasks.{expert.task}.steps or change its learner, then run `{expert.command}` again"
    )
