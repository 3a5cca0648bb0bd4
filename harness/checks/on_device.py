"""Is a GPU right? Every method there against the CPU, a seed alone against the stack, and a run that was interrupted.

Devices sum in other orders, so after the first steps they agree closely and then drift apart as a game's two players
amplify each rounding. TOLERANCE is for UPDATES updates of what trains on resident data, the last of them by a captured
graph, and for the first update of what acts, as in `stacking`. It is ten times that one's, as whole libraries differ
here and not only the order of a sum. On the CPU, sums in another order alone part no method by more than a quarter of
it after 5 updates, and three right ones by up to 17 times as much after 20.
"""

from __future__ import annotations

import contextlib
import math
from typing import NamedTuple

import torch

from harness.checks import stacking
from harness.checks.same import differences
from harness.checks.trial import SEEDS, STEPS, Stopped, Trial, name_of
from harness.run.step import WARM_UP

UPDATES, TOLERANCE = WARM_UP + 2, 10 * stacking.TOLERANCE


class OnDevice(NamedTuple):
    """from_cpu, from_stack: largest relative distance of a tensor, with its name. resumes: bit-equal on this device."""

    cell: str
    from_cpu: float
    from_stack: float
    resumes: bool
    mode: str  # how updates ran: captured, or eager and why
    capturable: bool  # whether they should have been captured
    worst: str

    @property
    def holds(self) -> bool:
        return not self.faults

    @property
    def faults(self) -> list[str]:
        told = {
            f"differs from the CPU at {self.worst}": not self.from_cpu <= TOLERANCE,
            "a seed alone differs from the stack": not self.from_stack <= stacking.TOLERANCE,
            "does not resume": not self.resumes,
            "is not captured": self.capturable and self.mode != "captured",
        }
        return [fault for fault, found in told.items() if found]


def check(trial: Trial) -> OnDevice:
    """One cell on the device of `trial`. An update that raises is a fault of that cell."""
    name, device = name_of(trial.cell), trial.device
    capturable = device.type == "cuda" and hasattr(trial.task.source(device), "batch")
    try:
        steps = 1 if trial.task.spec.horizon else UPDATES
        ours, mode = trial.stepped(SEEDS, steps)
        theirs = Trial(trial.tree, trial.cell).updated(SEEDS, steps)
        from_cpu, worst = _furthest(ours.state_dict(), theirs.state_dict())
        from_stack, _ = stacking.largest_difference(trial, stacking.STACK[:1])
        return OnDevice(name, from_cpu, from_stack, _resumes(trial), mode, capturable, worst)
    except Exception as error:  # whatever a kernel met: the other cells are checked all the same
        why = f"an update, which raises {type(error).__name__}: {str(error).split(chr(10))[0]}"
        return OnDevice(name, math.inf, math.inf, False, "eager", capturable, why)


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
