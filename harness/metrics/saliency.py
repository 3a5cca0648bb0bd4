"""Measure what a discriminator of pictures looks at: the gradient of its score by pixel (Peng et al. 2019, Fig. 5).

The share of the gradient on the body shows whether the body determines the score, and its norm shows how steep the
reward is.
"""

from __future__ import annotations

import numpy as np
import torch

from harness.contracts import ControlOutputs, Score
from harness.metrics.evaluation import Evaluation
from harness.sim.pictures import GROUND
from harness.tasks.mocap import Mocap

FRAMES = 64  # of the clip, at even times


def compute(ev: Evaluation[Mocap, ControlOutputs]) -> dict[str, Score]:
    """Return means over pictures of the clip, at the end of a run and only for outputs that have `picture_logits`.

    The score saliency_body is the share of the squared gradient on pixels that the body covers, and saliency_norm is
    the mean norm.
    """
    logits = getattr(ev.outputs, "picture_logits", None)
    if logits is None or not ev.endpoint:
        return {}
    gradient, on_body = maps(ev)
    squared = gradient.square().flatten(2)
    share = (squared * on_body.flatten(2)).sum(2) / squared.sum(2).clamp_min(1e-20)
    manifest = {
        "clip": ev.task.recording.name,
        "pixels": gradient.shape[-1],
        "frames": FRAMES,
        "data": ev.task.data_hash,
    }
    found = {
        "saliency_body": (share.mean(1), "share of the saliency on the body's pixels"),
        "saliency_norm": (squared.sum(2).sqrt().mean(1), "norm of the saliency"),
    }
    made = {}
    for name, (values, label) in found.items():
        numbers = values.double().cpu().numpy()
        made[name] = Score(np.where(np.isfinite(numbers), numbers, 0.0), None, 0.0, label, False, manifest)
    return made


def maps(ev: Evaluation[Mocap, ControlOutputs]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradient [S, FRAMES, H, W], and 1 where a picture shows the body, else 0."""
    source = ev.task.source(ev.device)
    clip = source.demonstrations().next_observations.flatten(0, 2)
    picked = clip[torch.linspace(0, len(clip) - 1, FRAMES, device=ev.device).long()]
    observations = picked.expand(ev.n_seeds, -1, -1)
    with torch.enable_grad():
        pictures = source.pictures(observations).requires_grad_()
        (gradient,) = torch.autograd.grad(ev.outputs.picture_logits(pictures, observations).sum(), pictures)
    return gradient, (pictures.detach() > GROUND).float()
