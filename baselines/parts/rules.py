"""torch's optimisers without torch.compile, whose machinery their wrappers import: 3.5 s of the start-up of every cell.

The rules themselves are torch's own functions, unwrapped, so their results are the same bits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch

WRAPPED = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")


def eager(kind: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """The same optimiser for steps that are not compiled."""
    bare = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    return type(kind.__name__, (kind,), bare | {"step": unhooked(torch.no_grad()(inspect.unwrap(kind.step)))})


def unhooked(step: Callable) -> Callable:
    """`step` as it is: torch then wraps no hooks and no profiler's mark around it, which take as long as a small step."""
    step.hooked = True
    return step


class Adam(eager(torch.optim.Adam)):
    """Fused. On the CPU a step's lists of tensors are kept for the next one: to gather them anew takes longer than the step
    of a small net."""

    _gathered: list[tuple[dict, list[list[torch.Tensor]]]] = []

    @unhooked
    @torch.no_grad()
    def step(self) -> None:
        grads = [[p.grad for p in group["params"]] for group, _ in self._gathered]
        if not self._gathered or any(g is None for part in grads for g in part):
            super().step()
            self._gather()
            return
        for (group, (params, means, squares, steps)), part in zip(self._gathered, grads):
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                params,
                part,
                means,
                squares,
                [],
                steps,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )

    def load_state_dict(self, state_dict: dict) -> None:
        super().load_state_dict(state_dict)
        self._gathered = []

    def _gather(self) -> None:
        """Once every parameter has its moments, which lie where they are until others are loaded."""
        params = [p for group in self.param_groups for p in group["params"]]
        if all(p.device.type == "cpu" and "exp_avg" in self.state.get(p, ()) for p in params):
            self._gathered = [
                (
                    group,
                    [
                        group["params"],
                        *([self.state[p][name] for p in group["params"]] for name in ("exp_avg", "exp_avg_sq", "step")),
                    ],
                )
                for group in self.param_groups
            ]


RMSprop, SGD = eager(torch.optim.RMSprop), eager(torch.optim.SGD)
