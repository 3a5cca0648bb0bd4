"""torch's optimisers without torch.compile, whose import by their wrappers delays the start of every cell by 3.5 s.

The update rules are torch's own functions without those wrappers, so the results are bit-equal.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from baselines.parts.fast.switch import plain
from harness.maths.arrays import in_memory

WRAPPED = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")
Optimiser = type[torch.optim.Optimizer]


def eager(kind: Optimiser) -> Optimiser:
    """Return the same optimiser with steps that are not compiled."""
    bare = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    return type(kind.__name__, (kind,), bare | {"step": unhooked(torch.no_grad()(inspect.unwrap(kind.step)))})


def unhooked(step: Callable) -> Callable:
    """Prevent torch from wrapping `step` in hooks and a profiler's mark, which take as long as a small step itself."""
    vars(step)["hooked"] = True  # the mark that torch looks for
    return step


EagerAdam: Any = eager(torch.optim.Adam)  # a class that is made at run time has no type to derive from


class Adam(EagerAdam):
    """Fused Adam. On the CPU it keeps the lists of tensors of a step for the next one.

    Collecting them again takes longer than the step of a small net.
    """

    _gathered: list[tuple[dict, list[list[Tensor]]]] = []

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
            # The kernel would copy what is not contiguous; gradients have the order of their parameters.
            torch._fused_adam_(
                params,
                [in_memory(g) for g in part],
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
        """Collect the lists once every parameter has its moments, which stay in place until others are loaded."""
        params = [p for group in self.param_groups for p in group["params"]]
        if all(p.device.type == "cpu" and "exp_avg" in self.state.get(p, ()) for p in params):
            self._gathered = [(group, self._tensors(group["params"])) for group in self.param_groups]

    def _tensors(self, params: list[Tensor]) -> list[list[Tensor]]:
        """Return the parameters, their means, mean squares and step counts, in their order in memory."""
        moments = ([self.state[p][name] for p in params] for name in ("exp_avg", "exp_avg_sq", "step"))
        return [[in_memory(t.detach()) for t in tensors] for tensors in (params, *moments)]


FAST: dict[str, Optimiser] = {"adam": Adam, "rmsprop": eager(torch.optim.RMSprop), "sgd": eager(torch.optim.SGD)}
PLAIN: dict[str, Optimiser] = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}


def optimiser_class(name: str) -> Callable[..., torch.optim.Optimizer]:
    """Return the class of an optimiser: torch's own on the plain path, else the same without its wrappers."""
    return (PLAIN if plain() else FAST)[name]
