"""Train a critic alone, between two fixed distributions: the two Gaussians of Peng et al. (2019), Fig. 2."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from baselines.parts.adversarial.adversary import Adversary, AdversaryParams
from baselines.parts.adversarial.bottleneck import Code
from baselines.parts.nets.perceptron import MLPBody, MLPParams
from harness.contracts import Draws, Method, Source, TaskSpec

FAMILIES = ("gaussians",)


class Params(AdversaryParams):
    algorithm: Literal["critic"]
    net: MLPParams
    batch: int = Field(256, ge=2)


class FixedAdversary(Method[Source]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params = params
        self.adversary = Adversary(draws.n_seeds, MLPBody(draws.n_seeds, spec.shape, params.net), params)
        self.ready(draws, device)

    def update(self, source: Source, draws: Draws) -> dict[str, Tensor]:
        batch = source.batch(draws, self.params.batch)
        return self.adversary.update(batch["real"], batch["fake"], draws, "critic")

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"critic": self.adversary.optimizer.optimizer}

    def outputs(self) -> FixedAdversary:
        return self

    def scores(self, x: Tensor) -> Tensor:
        """Return logits [S, N] at the mean code of x [N, 1]; they are differentiable with respect to x."""
        return self.adversary.critic.score(self._encode(x).z)

    @torch.no_grad()
    def kl(self, x: Tensor) -> Tensor | None:
        """Return the KL [S, N] in nats at x [N, 1], or None without a bottleneck."""
        return self._encode(x).kl

    def _encode(self, x: Tensor) -> Code:
        return self.adversary.critic.encode(x.expand(len(self.alive), *x.shape), None, "eval")


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> FixedAdversary:
    return FixedAdversary(params, spec, draws, device)
