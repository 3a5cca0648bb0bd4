"""Compare a seed alone with the same seed in a stack of five: `python -m harness.checks.stacking` prints every method.

Both are the same arithmetic in a different order of summation, so they agree closely but not bit by bit.

Tolerance. One float32 rounding is 6e-8. A dot product over n terms differs by about sqrt(n) roundings, so a gradient
differs by 1e-6 of its tensor's scale. Adam and RMSprop divide each element by its own magnitude: an element that has
cancelled to 1/100 of its tensor's scale moves with a relative error of 1e-4 of the learning rate, which is a few per
cent of the weights' scale here. Over ten steps that adds up to 1e-5 of the scale, and through two players and a double
backward to a few times more. TOLERANCE is therefore 2e-4 of a tensor in the root mean square, because a single element
whose gradient is all rounding may move the other way. A seed that uses another seed's batch, noise, norm or moment is
off by more than 1e-2.

Control methods are compared after one update, which is a whole rollout and all steps on it. After that a difference of
one rounding changes where the policy goes and what it learns there, and grows tenfold with each update (measured).

Rounding alone exceeds TOLERANCE in two cases: where it carries a sample over the kink of a leaky rectifier (one run of
some hundred), and where a parameter's gradient is nothing but rounding (`harness.checks.double`). So a seed that parts
from its stack is trained again in double precision. All methods here agree to 1e-14 there, and to 2e-9 with such a
parameter, so DOUBLE still finds a mixture of seeds of one part in a million. What cannot be trained in double precision
must show its fault twice: in STACK and, at the same place, in a stack of OTHER seeds.
"""

from __future__ import annotations

from harness.run.pins import pin

if __name__ == "__main__":
    pin()

import math

import torch
from torch import Tensor

from harness.checks.trial import Trial, name_of, project
from harness.registry import ROOT

STACK, OTHER, STEPS = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9), 10
PLACES = tuple(range(len(STACK)))
TOLERANCE, DOUBLE = 2e-4, 1e-6


def parted(trial: Trial, places: tuple[int, ...] = PLACES, stack: tuple[int, ...] = STACK) -> tuple[float, str]:
    """Return `largest_difference`, or that in double precision if what exceeds TOLERANCE is nothing but rounding."""
    found = largest_difference(trial, places, stack)
    exact = in_double(trial, places, stack) if found[0] > TOLERANCE else found
    return exact if exact[0] < DOUBLE else found


def of_rounding(trial: Trial) -> set[str]:
    """Return the tensors that differ by more than TOLERANCE although they agree in double precision."""
    beyond = {name for name, difference in by_tensor(trial).items() if difference > TOLERANCE}
    return beyond if in_double(trial)[0] < DOUBLE else set()


def in_double(trial: Trial, places: tuple[int, ...] = PLACES, stack: tuple[int, ...] = STACK) -> tuple[float, str]:
    """Return `largest_difference` in double precision, infinite if the method cannot be trained so.

    A method that names float32 itself raises an error there, which says nothing about the difference.
    """
    try:
        return largest_difference(trial.doubled, places, stack)
    except (RuntimeError, TypeError):
        return math.inf, "not trained in double precision"


def largest_difference(
    trial: Trial, places: tuple[int, ...] = PLACES, stack: tuple[int, ...] = STACK
) -> tuple[float, str]:
    """Return the largest difference of `by_tensor` and the tensor's name."""
    name, difference = max(by_tensor(trial, places, stack).items(), key=lambda item: item[1])
    return (difference, name) if difference else (0.0, "bit-equal")


def by_tensor(trial: Trial, places: tuple[int, ...] = PLACES, stack: tuple[int, ...] = STACK) -> dict[str, float]:
    """Return for each tensor the maximum over seeds of |alone - stacked| relative to the tensor's length.

    Tensors without a seed axis are ignored; the check of the state names them.

    places: which seeds of the stack are trained alone.
    stack: the seeds.
    """
    steps = 1 if trial.task.spec.horizon else STEPS
    stacked = trial.updated(stack, steps).state_dict()
    found: dict[str, float] = {}
    for place in places:
        for name, value in trial.updated((stack[place],), steps).state_dict().items():
            if value.dim() and len(value) == 1 and stacked[name].shape == (len(stack), *value.shape[1:]):
                found[name] = max(found.get(name, 0.0), distance(value[0], stacked[name][place]))
    return found


def distance(alone: Tensor, stacked: Tensor) -> float:
    if torch.equal(alone, stacked):
        return 0.0
    alone, stacked = alone.double(), stacked.double()
    distance = float((alone - stacked).norm() / alone.norm().clamp_min(torch.finfo(torch.float32).tiny))
    return math.inf if math.isnan(distance) else distance


def main() -> None:
    torch.set_num_threads(1)
    tree = project(ROOT)
    print(
        f"{'method':<32} {'float32':>8} {'float64':>8}  tensor   ({STEPS} steps, tolerances {TOLERANCE:g}, {DOUBLE:g})"
    )
    for cell in tree.cells:
        trial = Trial(tree, cell)
        (single, name), (double, _) = largest_difference(trial), in_double(trial)
        print(f"{name_of(cell):<32} {single:>8.1e} {double:>8.1e}  {name}", flush=True)


if __name__ == "__main__":
    main()
