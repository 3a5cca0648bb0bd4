"""Score a method's outputs. Draws come from the stream "eval" only, so training is not affected."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.contracts import BenchError, Draws, Score, Task, missing_members
from harness.metrics.encoders.base import Encoder
from harness.metrics.evaluation import Evaluation
from harness.metrics.image_evaluation import ImageEvaluation
from harness.run.device import arithmetic
from harness.run.params import digest


@dataclass(frozen=True)
class Result:
    """Scores by name, with what belongs to them. Panels and sheet exist only at the end of a run.

    panels: curves (name, x [P], y [S, P]).
    manifests: manifests by id.
    manifest_ids: maps a metric to the id of its manifest.
    collapsed: [S], whether the images are all alike or not finite and are therefore scored at the floor.
    sheet: a PNG of samples above their nearest training images.
    """

    scores: dict[str, Score]
    panels: list[tuple[str, np.ndarray, np.ndarray]]
    manifests: dict[str, dict[str, Any]]
    manifest_ids: dict[str, str]
    collapsed: np.ndarray
    sheet: bytes | None


def evaluate(
    task: Task,
    outputs: Any,
    draws: Draws,
    encoder: Encoder | None = None,
    endpoint: bool = True,
    allow_few: bool = False,
    scratch: Path | None = None,
) -> Result:
    """Score `outputs` for all seeds of a block, by the task itself and by the files that task.metrics names.

    Scoring is in float32 whatever the precision of training: so are the weights and the products in metrics. The file
    of a metric has compute(evaluation) -> scores by name, and may have panels(evaluation). Raises BenchError if the
    outputs are not what the task requires, or if there are too few samples for the encoder's features.

    encoder: the encoder for tasks of images.
    endpoint, allow_few, scratch: as for `Evaluation` and `ImageEvaluation`.
    """
    if missing := missing_members(outputs, task.outputs):
        promised = task.outputs.__name__
        raise BenchError(
            f"{task.name}: the method's outputs() has no {', '.join(missing)}: see {promised} in harness/contracts.py"
        )
    if encoder is None:
        evaluation: Evaluation = Evaluation(task, outputs, draws, endpoint)
    else:
        evaluation = ImageEvaluation(task, outputs, draws, encoder, endpoint, allow_few, scratch)
    with arithmetic("fp32", evaluation.device):
        return _compute_all(task, evaluation)


def _compute_all(task: Task, evaluation: Evaluation) -> Result:
    endpoint = evaluation.endpoint
    # By name, so that a cell depends on its own metrics only.
    metrics = [task, *(importlib.import_module(f"harness.metrics.{name}") for name in task.metrics)]
    scores = {name: score for metric in metrics for name, score in metric.compute(evaluation).items()}
    panels = [p for metric in metrics if endpoint and hasattr(metric, "panels") for p in metric.panels(evaluation)]
    ids = {name: manifest_id(score.manifest) for name, score in scores.items() if score.manifest}
    manifests = {ids[name]: scores[name].manifest for name in ids}
    return Result(scores, panels, manifests, ids, evaluation.collapsed, evaluation.sheet() if endpoint else None)


def manifest_id(manifest: dict[str, Any]) -> str:
    """Return 8 hex digits; two scores share a column only if these agree."""
    return digest(manifest)[:8]
