"""Optimisers for stacked seeds with torch's own update rules; a seed that is no longer finite does not change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.parts.fast import optimisers
from harness.contracts import Settings
from harness.maths.arrays import all_known, in_memory, step_on


class Decay(Settings):
    """Multiply the learning rate by `factor` once every `every_steps` steps of the run."""

    factor: float = Field(gt=0, le=1)
    every_steps: int = Field(ge=1)


class OptimizerParams(Settings):
    name: Literal["adam", "rmsprop", "sgd"] = "adam"
    lr: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.999)  # adam
    alpha: float = Field(0.99, ge=0, lt=1)  # rmsprop
    momentum: float = Field(0.0, ge=0, lt=1)  # sgd
    eps: float = Field(1e-8, gt=0)
    clip_norm: float | None = Field(None, gt=0)  # a seed's gradient is shortened to this length
    decay: Decay | None = None

    def build(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser that the block describes for `parameters`, which are on one device."""
        rule = optimisers.optimiser_class(self.name)
        on_cuda = parameters[0].is_cuda  # where a step may be part of a CUDA graph, its count lies on the device
        if self.name == "adam":
            return rule(parameters, self.lr, self.betas, self.eps, fused=True, capturable=on_cuda)
        if self.name == "rmsprop":
            return rule(parameters, self.lr, self.alpha, self.eps, foreach=True, capturable=on_cuda)
        return rule(parameters, self.lr, self.momentum, foreach=True)

    def lr_at(self, step: int | Tensor) -> float | Tensor:
        """Return the learning rate at a step of the run, counted from 0."""
        return self.lr if self.decay is None else self.lr * self.decay.factor ** (step // self.decay.every_steps)


class SeedOptimizer:
    """One optimiser for all seeds of a block; create it after `Method.ready`.

    `alive` [S] is the method's buffer. A seed whose loss or gradient is not finite is marked there, and from then on
    its parameters and moments keep their last values.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], params: OptimizerParams, alive: Tensor):
        self.parameters = list(parameters)
        self.params, self.alive = params, alive
        self.optimizer = params.build(self.parameters)

    def step(self, loss: Tensor, step: int | Tensor) -> Tensor:
        """Take a step that lowers loss [S]; returns the gradient's norm [S] before any clipping.

        Only the parameters of this optimiser get gradients.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss.sum().backward(inputs=self.parameters)
        return self.apply_gradients(loss, step)

    def apply_gradients(self, loss: Tensor, step: int | Tensor) -> Tensor:
        """Take a step with the gradients that the parameters already have; returns what `step` does."""
        norm = torch.stack([_norm(_grad(p)) for p in self.parameters]).norm(dim=0)
        self.alive.logical_and_(torch.isfinite(loss.detach() + norm))
        if self.params.clip_norm is not None:
            shorter = (self.params.clip_norm / (norm + 1e-6)).clamp(max=1.0)
            for p in self.parameters:
                _grad(p).mul_(shorter.view(-1, *[1] * (p.dim() - 1)))
        lr = self.params.lr_at(step_on(step, self.alive))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        if all_known(self.alive):
            self.optimizer.step()
        else:
            self._step_alive()
        return norm

    def _step_alive(self) -> None:
        before = [t.detach().clone() for t in self._stacked()]
        self.optimizer.step()
        for now, old in zip(self._stacked(), before):
            now.copy_(torch.where(self.alive.view(-1, *[1] * (now.dim() - 1)), now, old))

    def _stacked(self) -> list[Tensor]:
        """Return the parameters, and every moment that has the seeds as its first axis.

        A moment that was created in this very step is not restored; it belongs to a seed that died in its first step
        and is never used.
        """
        kept = [value for p in self.parameters for value in self.optimizer.state[p].values()]
        return [p.data for p in self.parameters] + [t for t in kept if torch.is_tensor(t) and t.dim()]


def _grad(p: nn.Parameter) -> Tensor:
    """Return the gradient of p, which lies in memory as p does; torch's fused rules take that for granted.

    Autograd sees to it, but not a method that sets `grad` itself.
    """
    assert p.grad is not None
    if p.grad.stride() != p.stride():
        p.grad = torch.empty_like(p).copy_(p.grad)
    return p.grad


def _norm(x: Tensor) -> Tensor:
    """Return the norm of each seed's part of x [S, ...]: [S]."""
    return torch.linalg.vector_norm(in_memory(x).flatten(1), dim=1)


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], bound: float, alive: Tensor) -> None:
    """Clamp parameters to +-bound for the seeds that are `alive` [S] (Arjovsky et al. 2017, Algorithm 1)."""
    for p in parameters:
        p.copy_(torch.where(alive.view(-1, *[1] * (p.dim() - 1)), p.clamp(-bound, bound), p))
