"""Define what another machine does in place of a job: it works in its own folder and returns a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.places.joined import NODE
from harness.places.parts import make_part
from harness.places.pulse import Pulse
from harness.places.train import build_task
from harness.plan import needs
from harness.plan.identity import DATA, Keys, keys_of
from harness.plan.plan import Cell
from harness.run.params import TaskParams
from harness.run.record import Record
from harness.store import SEAL


@dataclass(frozen=True)
class There:
    """The place where an errand is done.

    root: the folder used as the project's.
    pulse: the pulse to beat.
    stop: a function that returns whether to stop.
    name: the name of the machine.
    """

    name: str
    root: Path
    pulse: Pulse
    stop: Callable[[], bool]


class Errand(Protocol):
    """A picklable errand.

    task_params: the parameters of the task whose data it loads.
    """

    @property
    def task_params(self) -> TaskParams: ...

    def files(self, root: Path) -> list[Path]:
        """Return what it reads below the project's folder, relative to that folder, without data sets."""

    def load(self, root: Path) -> Any:
        """Load the data. Raises BenchError if they are not those that were prepared."""

    def do(self, there: There) -> Any: ...

    def fault(self, value: Any) -> str | None:
        """Say why the value that came back is not what was asked for, or return None."""


@dataclass(frozen=True)
class Block:
    """A block of seeds of a cell, to be trained and scored.

    keys: the cell's keys on the machine that asks.
    """

    cell: Cell
    index: int
    keys: Keys

    @property
    def task_params(self) -> TaskParams:
        return self.cell.task_params

    def files(self, root: Path) -> list[Path]:
        taken = [needs.path(root, source).relative_to(root) for source in sorted(needs.sources(self.cell))]
        seals = [path.with_name(SEAL) for path in taken if (root / path.with_name(SEAL)).is_file()]
        return [DATA / f"{self.cell.task}.json", *weights(root, self.task_params), *taken, *seals]

    def load(self, root: Path) -> Any:
        return build_task(root, self.cell)

    def do(self, there: There) -> Record:
        part = make_part(there.root, self.cell, self.index, self.keys, there.pulse, there.stop)
        part.provenance["environment"][NODE] = there.name
        return part

    def fault(self, value: Any) -> str | None:
        """Say whether the part has a key that was not asked for."""
        if Keys(value.head.training_key, value.head.scoring_key) != self.keys:
            return "what came back was made with other code or data: run the same command again"
        return None


def block(root: Path, cell: Cell, index: int) -> Block:
    """Return the errand of a block; its data must be prepared, and the cells that it takes from must have records."""
    return Block(cell, index, keys_of(root, cell))


def weights(root: Path, params: TaskParams) -> list[Path]:
    """Return the encoder's file, if the task names one below the project's folder."""
    named = params.encoder and params.model_dump()["score"].get("encoder_weights")
    return [Path(named)] if named and not Path(named).is_absolute() and (root / named).is_file() else []
