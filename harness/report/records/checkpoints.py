"""Choose the best checkpoint of each run by one half of the real data and score it with the other half.

The score of the last checkpoint is what the tables test. A method that gets worse again before the end loses there what
a user who keeps the best checkpoint would not lose. Both halves choose in turn, and the score is the mean of the two,
so no checkpoint is scored by the data that chose it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.report.records.frame import HALVES, CellFrame


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of each run.

    best, last: the scores [S] of the chosen checkpoint and of the last one, with halves of the data.
    step: the steps [S] of the chosen checkpoint, as the mean of two choices.
    """

    best: np.ndarray
    last: np.ndarray
    step: np.ndarray


def checkpoints(cell: CellFrame, metric: str) -> Checkpoints | None:
    """Return the checkpoints by a metric; None if the cell has not run or is not scored with halves.

    Raises BenchError if a checkpoint lacks a score.
    """
    blocks = cell.head["metrics"] if cell.record else {}
    names = [half + metric for half in HALVES]
    if not all(name in blocks for name in names):
        return None
    steps, scores = cell.scored_steps, np.stack([cell.history(name) for name in names])  # [T], [2, T, S]
    chosen = scores.argmax(1) if blocks[names[0]]["higher_is_better"] else scores.argmin(1)  # [2, S], the first if tied
    best = np.take_along_axis(scores, chosen[::-1, None], 1)[:, 0]  # what one half chose, scored with the other
    return Checkpoints(best.mean(0), scores[:, -1].mean(0), steps[chosen].mean(0))
