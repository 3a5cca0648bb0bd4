"""Live curves for TensorBoard, where BENCH_TENSORBOARD=1 asks for them: event files in the scratch folder.

`tensorboard --logdir .scratch/tensorboard` shows them while a run goes on; each seed is a run of its own. They are for
looking alone: no record depends on them, and no training step sees them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from harness.errors import BenchError
from harness.places.progress import Shown
from harness.run.train import Schedule

VARIABLE = "BENCH_TENSORBOARD"
FOLDER = Path(".scratch/tensorboard")


def with_live_curves(shown: Shown, root: Path, name: str, seeds: Sequence[int], schedule: Schedule) -> Shown:
    """`shown`, and where the environment asks for it the curves of each seed too, under `name`: TASK/CELL.

    Raises BenchError where they are asked for and the package tensorboard is missing.
    """
    if os.environ.get(VARIABLE, "0") in ("", "0"):
        return shown
    return LiveCurves(shown, root / FOLDER / name, seeds, schedule)


class LiveCurves:
    """Write at every logged step what the record's curves hold: the mean of each log since the logged step before.

    A run that goes on from a checkpoint goes on in the same curve: points behind the checkpoint are taken back. Its
    first mean is over the steps since the checkpoint alone.
    """

    def __init__(self, shown: Shown, folder: Path, seeds: Sequence[int], schedule: Schedule):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise BenchError(
                f"{VARIABLE} is set, but the package tensorboard is missing: uv pip install -e '.[tensorboard]', or"
                " unset it"
            ) from None
        self.shown, self.schedule, self.writer = shown, schedule, SummaryWriter
        self.folders = [folder / f"seed-{seed}" for seed in seeds]
        self.writers: list[Any] = []
        self.sums: dict[str, Tensor] = {}
        self.summed = 0

    def __call__(self, step: int, logs: dict[str, Tensor]) -> None:
        self.shown(step, logs)
        if not self.writers:
            self.writers = [self.writer(str(folder), purge_step=step) for folder in self.folders]
        for name, value in logs.items():
            self.sums[name] = value.detach().double() + self.sums.get(name, 0.0)
        self.summed += 1
        if not self.schedule.logged(step):
            return
        means = {name: (total / self.summed).tolist() for name, total in self.sums.items()}
        self.sums, self.summed = {}, 0
        for place, writer in enumerate(self.writers):
            for name, values in means.items():
                writer.add_scalar(name, values[place], step)
            writer.flush()

    def close(self) -> None:
        """Close the files, and what is shown beside them."""
        for writer in self.writers:
            writer.close()
        self.shown.close()
