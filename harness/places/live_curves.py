"""Write live curves for TensorBoard if BENCH_TENSORBOARD=1, as event files in the scratch folder.

`tensorboard --logdir .scratch/tensorboard` shows them while a run goes on; each seed is a separate run. They are only
for looking: no record depends on them, and no training step reads them.
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
    """Return `shown`, with the curves of each seed if the environment asks for them.

    Raises BenchError if they are asked for and the package tensorboard is missing.

    shown: what shows the progress.
    root: the project's folder.
    name: TASK/CELL, under which the curves appear.
    seeds: the seeds.
    schedule: the schedule of logged steps.
    """
    if os.environ.get(VARIABLE, "0") in ("", "0"):
        return shown
    return LiveCurves(shown, root / FOLDER / name, seeds, schedule)


class LiveCurves:
    """Write at every logged step what the record's curves contain: the mean of each log since the last logged step.

    A run that continues from a checkpoint continues the same curve, and points behind the checkpoint are removed. Its
    first mean is over only the steps since the checkpoint.
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
        """Close the files and the other display."""
        for writer in self.writers:
            writer.close()
        self.shown.close()
