"""Is a GPU right? Every method there against the CPU, a seed alone against the stack, and a run that was interrupted.

Devices sum in other orders, so after the first steps they agree closely and then drift apart as a game's two players
amplify each rounding. TOLERANCE is for STEPS updates of what trains on resident data and for the first update of what
acts, as in `stacking`; it is ten times that one's, as whole libraries differ here and not only the order of a sum.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import torch

from harness.checks import stacking
from harness.checks.same import differences
from harness.checks.trial import SEEDS, STEPS, Stopped, Tree, Trial, name_of
from harness.run.step import Step

UPDATES, TOLERANCE = 20, 10 * stacking.TOLERANCE


class Verdict(NamedTuple):
    """from_cpu, from_stack: largest relative distance of a tensor, with its name. resumes: bit-equal on this device."""

    cell: str
    from_cpu: float
    from_stack: float
    resumes: bool
    mode: str  # how updates ran: captured, or eager and why
    worst: str

    @property
    def holds(self) -> bool:
        return self.from_cpu <= TOLERANCE and self.from_stack <= stacking.TOLERANCE and self.resumes


def check(tree: Tree, device: torch.device) -> Iterator[Verdict]:
    for cell in tree.cells:
        here, there = Trial(tree, cell, device), Trial(tree, cell)
        steps = 1 if here.task.spec.horizon else UPDATES
        method, ours = there.updated(SEEDS, steps), here.build(SEEDS)
        step = Step(ours, here.task.source(device), here.draws(SEEDS))
        for k in range(steps):
            step(k)
        from_cpu, worst = _furthest(ours.state_dict(), method.state_dict())
        from_stack, _ = stacking.largest_difference(here, stacking.STACK[:1])
        yield Verdict(name_of(cell), from_cpu, from_stack, _resumes(here), step.mode, worst)


def _furthest(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> tuple[float, str]:
    return max(
        (
            (stacking.distance(value.cpu(), b[name].cpu()), name)
            for name, value in a.items()
            if value.is_floating_point()
        ),
        default=(0.0, ""),
    )


def _resumes(trial: Trial) -> bool:
    """A run that stops half way and goes on against one that does not."""
    whole, broken = trial.folder(), trial.folder()
    _, straight = trial.trained(whole)
    with contextlib.suppress(Stopped):
        trial.trained(broken, stop=STEPS // 2)
    _, resumed = trial.trained(broken)
    return not differences(straight.state_dict(), resumed.state_dict())
