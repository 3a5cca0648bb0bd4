"""Order the jobs of cells whose blocks are scored on the machine that trained them; their parts are joined here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.places.cells import Cells
from harness.places.jobs import Job, Outcome
from harness.places.joined import write_cell
from harness.plan.needs import label
from harness.plan.origin import origin
from harness.plan.plan import Cell, Plan
from harness.plan.resources import Resources


class Apart(Cells):
    """Cells whose blocks return parts of a record, so that there are no jobs for scores."""

    def __init__(self, root: Path, cells: Sequence[Cell], plan: Plan | None, takes: Callable[[Cell], Resources]):
        super().__init__(root, cells, plan, takes)
        self.cells = {label(cell): cell for cell in cells}
        self.parts: dict[str, dict[Job, Any]] = {}
        self.code = origin(registry.ROOT)

    def _ended(self, name: str, job: Job, outcome: Outcome) -> None:
        parts = self.parts.setdefault(name, {})
        parts[job] = outcome.value
        if self.pending[name]:
            return
        self.undone.remove(name)
        del self.parts[name]
        if name in self.failed:
            return
        try:
            said = write_cell(self.root, self.cells[name], [parts[job] for job in self.blocks[name]], self.code)
            if said:
                self.board.say(f"{name} {said}")
        except BenchError as error:
            self.failed.add(name)
            self.board.skip([], name, str(error), failed=True)

    def _jobs(self, name: str) -> list[Job]:
        return self.blocks[name]
