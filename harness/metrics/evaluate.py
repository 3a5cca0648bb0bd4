"""Score a method's outputs. Draws come from the stream "eval" only: training goes on as if nothing had happened."""

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
    """Scores by name.

    panels: (name, x [P], y [S, P]). manifests: by id; manifest_ids: metric -> id. collapsed [S]: images all
    alike or not finite, scored at the floor. sheet: a PNG of samples above their nearest training images.
    Panels and sheet belong to the endpoint.
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
    """Score `outputs` for all seeds of a block, by the task itself and the files that task.metrics names.

    Whatever precision it was trained in, it is scored in float32: the weights are, and so are the metrics' products.

    A metric's file has compute(evaluation) -> scores by name, and panels(evaluation) where it draws any. encoder: of
    tasks of images; the rest as for `Evaluation` and `ImageEvaluation`. Raises BenchError if the outputs are not what
    the task asks for, or if the samples are too few for the encoder's features.
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
    """8 hex digits: two scores share a column only if theirs agree."""
    return digest(manifest)[:8]
