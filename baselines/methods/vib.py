"""The supervised variational information bottleneck (Alemi et al. 2017) and its deterministic counterpart."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from baselines.parts.adversarial.bottleneck import Bottleneck, BottleneckParams, Code, PlainCode
from baselines.parts.layers import StackedLinear
from baselines.parts.nets.ema import EmaParams, averaged
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from baselines.parts.nets.perceptron import MLPBody, MLPParams
from harness.contracts import Draws, Method, Source, TaskSpec

FAMILIES = ("labelled",)


class Params(MLPParams):
    """The parameters of the classifier.

    code_size: the size of the deterministic code if bottleneck is None.
    ema: the moving average of the net that is scored; null scores the net itself.
    """

    kind: Literal["mlp"] = "mlp"
    algorithm: Literal["vib"]
    batch: int = Field(100, ge=1)
    bottleneck: BottleneckParams | None = None
    code_size: int | None = Field(None, ge=1)
    optimizer: OptimizerParams
    ema: EmaParams | None = None


class Classifier(torch.nn.Module):
    """A body, a code, and a linear decoder from codes [S, B, K] to logits [S, B, classes]."""

    def __init__(self, n_seeds: int, spec: TaskSpec, params: Params):
        super().__init__()
        self.body = MLPBody(n_seeds, spec.shape, params)
        self.code: Bottleneck | PlainCode
        if params.bottleneck is not None:
            size = params.bottleneck.size
            self.code = Bottleneck(n_seeds, self.body.code_layer, params.bottleneck)
        else:
            size = params.code_size or params.width
            self.code = PlainCode(self.body.code_layer, size)
        self.code_size = size
        self.decoder = StackedLinear(n_seeds, size, spec.n_classes)

    def encode(self, x: Tensor, noise: Tensor | None) -> Code:
        """Return the `Code` of x [S, B, ...], with z [S, B, K]."""
        return self.code(self._features(x), noise)

    def encoded(self, x: Tensor) -> Callable[[Tensor | None], Tensor]:
        """Encode x [S, B, ...] once. Returns a function that turns noise [S, B, K] into a code z [S, B, K]."""
        h, code = self._features(x), self.code
        if isinstance(code, Bottleneck):
            mean, log_std = code.gaussian(h)
            return lambda noise: code.sample(mean, log_std, noise)
        z = code(h).z
        return lambda noise: z

    def _features(self, x: Tensor) -> Tensor:
        return self.body.before_code(self.body(x))


class Vib(Method[Source]):
    def __init__(self, params: Params, spec: TaskSpec, draws: Draws, device: torch.device):
        super().__init__(draws.n_seeds)
        self.params = params
        self.net = Classifier(draws.n_seeds, spec, params)
        self.ready(draws, device)
        self.ema = averaged(self.net, params.ema, params.batch)
        self.optimizer = SeedOptimizer(self.net.parameters(), params.optimizer, self.alive)

    def update(self, source: Source, draws: Draws) -> dict[str, Tensor]:
        batch = source.batch(draws, self.params.batch)
        x, y = batch["x"], batch["y"]
        noise = draws.normal("bottleneck", "code", (x.shape[1], self.net.code_size)) if self.params.bottleneck else None
        code = self.net.encode(x, noise)
        logits = self.net.decoder(code.z)
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(1)
        logs = {"loss": cross_entropy.detach(), "accuracy": (logits.argmax(2) == y).float().mean(1)}
        loss, bottleneck = cross_entropy, self.net.code
        if isinstance(bottleneck, Bottleneck):
            assert code.kl is not None
            kl = code.kl.mean(1)
            loss = loss + bottleneck.beta.clone() * kl
            logs |= {"kl": kl.detach(), "beta": bottleneck.beta.clone()}
        logs["grad"] = self.optimizer.step(loss, draws.step)
        if isinstance(bottleneck, Bottleneck):
            bottleneck.dual_step(logs["kl"], self.alive)
        self.ema.update(self.net, self.alive)
        return logs

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"net": self.optimizer.optimizer}

    def outputs(self) -> Vib:
        return self

    @torch.no_grad()
    def log_probs(self, x: Tensor, draws: Draws, n_codes: int) -> Tensor:
        """Return the log [S, B, classes] of the softmax averaged over n_codes samples of the code, for x [B, ...]."""
        x = x.expand(len(self.alive), *x.shape)
        net = self.ema.net
        code = net.encoded(x)

        def share(i: int) -> Tensor:
            """Return the probabilities of sample i of the code, divided by n_codes."""
            name, shape = f"code/{n_codes}/{i}", (x.shape[1], net.code_size)
            noise = draws.normal("eval", name, shape) if self.params.bottleneck else None
            return net.decoder(code(noise)).softmax(2) / n_codes

        return reduce(torch.add, map(share, range(n_codes))).log()

    @torch.no_grad()
    def kl(self, x: Tensor) -> Tensor | None:
        """Return the KL [S, B] of the averaged net in nats, for x [B, ...], or None without a bottleneck."""
        return self.ema.net.encode(x.expand(len(self.alive), *x.shape), None).kl


def build(params: Params, spec: TaskSpec, draws: Draws, device: torch.device) -> Vib:
    return Vib(params, spec, draws, device)
