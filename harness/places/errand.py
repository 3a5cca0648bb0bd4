"""What another machine does in place of a job: it stands in its own folder there and comes back as a value."""

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
    """Where an errand is done: a folder that stands for the project's, a pulse to beat, whether it is to stop.

    name: of the machine.
    """

    name: str
    root: Path
    pulse: Pulse
    stop: Callable[[], bool]


class Errand(Protocol):
    """Picklable. task_params: of the task whose data it loads."""

    @property
    def task_params(self) -> TaskParams: ...

    def files(self, root: Path) -> list[Path]:
        """What it reads below the project's folder, relative to it; data sets apart."""

    def load(self, root: Path) -> Any:
        """Load the data. Raises BenchError for others than were prepared."""

    def do(self, there: There) -> Any: ...

    def fault(self, value: Any) -> str | None:
        """Why the value that came back is not what was asked for."""


@dataclass(frozen=True)
class Block:
    """A block of seeds of a cell, trained and scored. keys: what they are where it is asked for."""

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
        """Another key than was asked for."""
        if Keys(value.head.training_key, value.head.scoring_key) != self.keys:
            return "what came back is made of other code or data: run the same command again"
        return None


def block(root: Path, cell: Cell, index: int) -> Block:
    """The errand as of now: its data have to be prepared, and what it takes from has to be there."""
    return Block(cell, index, keys_of(root, cell))


def weights(root: Path, params: TaskParams) -> list[Path]:
    """The encoder's own file, where the task names one below the project's folder."""
    named = params.encoder and params.model_dump()["score"].get("encoder_weights")
    return [Path(named)] if named and not Path(named).is_absolute() and (root / named).is_file() else []
