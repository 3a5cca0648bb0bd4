"""The supervised variational information bottleneck (Alemi et al. 2017) and its deterministic twin."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from baselines.parts.bottleneck import Bottleneck, BottleneckParams, PlainCode
from baselines.parts.ema import Ema, EmaParams
from baselines.parts.layers import StackedLinear, initialise
from baselines.parts.nets import MLPBody, MLPParams
from baselines.parts.optim import OptimizerParams, SeedOptimizer
from harness.contracts import Draws, Method, Source, TaskSpec

FAMILIES = ("labelled",)


class Params(MLPParams):
    """code_size: the twin's deterministic code, where bottleneck is null."""

    kind: Literal["mlp"] = "mlp"
    algorithm: Literal["vib"]
    batch: int = Field(100, ge=1)
    bottleneck: BottleneckParams | None = None
    code_size: int | None = Field(None, ge=1)
    optimizer: OptimizerParams
    ema: EmaParams


class Classifier(torch.nn.Module):
    def __init__(self, n_seeds: int, spec: TaskSpec, params: Params):
        super().__init__()
        self.body = MLPBody(n_seeds, spec.shape, params)
        if params.bottleneck is not None:
            self.code = Bottleneck(n_seeds, self.body.features, params.bottleneck)
            size = params.bottleneck.size
        else:
            size = params.code_size or params.width
            self.code = PlainCode(n_seeds, self.body.features, size)
        self.code_size = size
        self.decoder = StackedLinear(n_seeds, size, spec.n_classes)

    def encode(self, x: Tensor, noise: Tensor | None):
        """x [S, B, ...] -> Code with z [S, B, K]."""
        return self.code(self.body.before_code(self.body(x)), noise)


class Vib(Method):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__()
        self.params = params
        self.register_buffer("alive", torch.ones(draws.n_seeds, dtype=torch.bool))
        self.net = Classifier(draws.n_seeds, spec, params)
        initialise(self, draws)
        self.to(device)
        self.ema = Ema(self.net, params.ema.decay_for(params.batch))
        self.optimizer = SeedOptimizer(self.net.parameters(), params.optimizer, self.alive)

    def update(self, source: Source, draws: Draws) -> dict[str, Tensor]:
        batch = source.batch(draws, self.params.batch)
        x, y = batch["x"], batch["y"]
        noise = draws.normal("bottleneck", "code", (x.shape[1], self.net.code_size)) if self.params.bottleneck else None
        code = self.net.encode(x, noise)
        logits = self.net.decoder(code.z)
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(1)
        logs = {"loss": cross_entropy.detach(), "accuracy": (logits.argmax(2) == y).float().mean(1)}
        loss = cross_entropy
        if code.kl is not None:
            kl = code.kl.mean(1)
            loss = loss + self.net.code.beta.clone() * kl
            logs |= {"kl": kl.detach(), "beta": self.net.code.beta.clone()}
        logs["grad"] = self.optimizer.step(loss, draws.step)
        if code.kl is not None:
            self.net.code.dual_step(logs["kl"], self.alive)
        self.ema.update(self.net, self.alive)
        return logs

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"net": self.optimizer.optimizer}

    def outputs(self) -> Vib:
        return self

    @torch.no_grad()
    def log_probs(self, x: Tensor, draws: Draws, n_codes: int) -> Tensor:
        """[S, B, classes]: log of the softmax averaged over n_codes samples of the code; x [B, ...]."""
        x = x.expand(len(self.alive), *x.shape)
        net = self.ema.net
        probabilities = 0.0
        for i in range(n_codes):
            noise = (
                draws.normal("eval", f"code/{n_codes}/{i}", (x.shape[1], net.code_size))
                if self.params.bottleneck
                else None
            )
            probabilities = probabilities + net.decoder(net.encode(x, noise).z).softmax(2) / n_codes
        return probabilities.log()

    @torch.no_grad()
    def kl(self, x: Tensor) -> Tensor | None:
        """[S, B] nats of the averaged net, or None for the twin; x [B, ...]."""
        return self.ema.net.encode(x.expand(len(self.alive), *x.shape), None).kl


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Vib:
    return Vib(params, spec, draws, device)
