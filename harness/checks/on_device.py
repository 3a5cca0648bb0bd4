"""Check a GPU: every method against the CPU, a seed alone against the stack, and an interrupted run.

Devices sum in different orders, so they agree closely after the first steps and then diverge, as the two players of a
game amplify each rounding. TOLERANCE is for UPDATES updates of methods that train on resident data, the last of them by
a captured graph, and for the first update of control methods, as in `stacking`. It is ten times the tolerance there,
because whole libraries differ here and not only the order of a sum. On the CPU, changing only the order of sums
separates no method by more than a quarter of it after 5 updates, and three correct ones by up to 17 times as much after
20. Left out are tensors that rounding alone moves on the CPU already (`stacking.of_rounding`).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection
from typing import NamedTuple

from harness.checks import stacking
from harness.checks.same import differences
from harness.checks.trial import SEEDS, STEPS, Stopped, Trial, name_of
from harness.contracts import Method
from harness.run.step import WARM_UP

UPDATES, TOLERANCE = WARM_UP + 2, 10 * stacking.TOLERANCE


class OnDevice(NamedTuple):
    """The result of checking one cell.

    from_cpu, from_stack: the largest relative distance of a tensor, with its name.
    resumes: whether an interrupted run is bit-equal on this device.
    """

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
    """Check one cell on the device of `trial`. An update that raises an error is a fault of that cell."""
    name, device = name_of(trial.cell), trial.device
    capturable = device.type == "cuda" and hasattr(trial.task.source(device), "batch")
    try:
        steps = 1 if trial.task.spec.horizon else UPDATES
        ours, mode = trial.stepped(SEEDS, steps)
        on_cpu = Trial(trial.tree, trial.cell)
        theirs = on_cpu.updated(SEEDS, steps)
        from_cpu, worst = _furthest(ours, theirs)
        if from_cpu > TOLERANCE:
            from_cpu, worst = _furthest(ours, theirs, stacking.of_rounding(on_cpu))
        from_stack, _ = stacking.parted(trial, places=(0,))
        return OnDevice(name, from_cpu, from_stack, _resumes(trial), mode, capturable, worst)
    except Exception as error:  # whatever a kernel raises, the other cells are checked
        why = f"an update, which raises {type(error).__name__}: {str(error).split(chr(10))[0]}"
        return OnDevice(name, math.inf, math.inf, False, "eager", capturable, why)


def _furthest(ours: Method, theirs: Method, besides: Collection[str] = ()) -> tuple[float, str]:
    a, b = ours.state_dict(), theirs.state_dict()
    return max(
        (
            (stacking.distance(value.cpu(), b[name].cpu()), name)
            for name, value in a.items()
            if value.is_floating_point() and name not in besides
        ),
        default=(0.0, ""),
    )


def _resumes(trial: Trial) -> bool:
    """Compare a run that stops half way and resumes with one that does not stop."""
    whole, broken = trial.folder(), trial.folder()
    _, straight = trial.trained(whole)
    with contextlib.suppress(Stopped):
        trial.trained(broken, stop=STEPS // 2)
    _, resumed = trial.trained(broken)
    return not differences(straight.state_dict(), resumed.state_dict())
