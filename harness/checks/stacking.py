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

In one run of some hundred, a rounding carries one sample over the kink of a leaky rectifier, and what it adds to a
gradient changes at once. Such a seed differs by more than TOLERANCE without a fault, which is why a fault must show
twice: in STACK and, at the same place, in a stack of OTHER seeds.
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

STACK, OTHER, STEPS, TOLERANCE = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9), 10, 2e-4


def largest_difference(
    trial: Trial, places: tuple[int, ...] = (0, 1, 2, 3, 4), stack: tuple[int, ...] = STACK
) -> tuple[float, str]:
    """Return the maximum over tensors and seeds of |alone - stacked| relative to the tensor's length, and its name.

    Tensors without a seed axis are ignored; the check of the state names them.

    places: which seeds of the stack are trained alone.
    stack: the seeds.
    """
    steps = 1 if trial.task.spec.horizon else STEPS
    stacked = trial.updated(stack, steps).state_dict()
    worst = (0.0, "bit-equal")
    for place in places:
        for name, value in trial.updated((stack[place],), steps).state_dict().items():
            if value.dim() and len(value) == 1 and stacked[name].shape == (len(stack), *value.shape[1:]):
                difference = distance(value[0], stacked[name][place])
                worst = (difference, name) if difference > worst[0] else worst
    return worst


def distance(alone: Tensor, stacked: Tensor) -> float:
    if torch.equal(alone, stacked):
        return 0.0
    alone, stacked = alone.double(), stacked.double()
    distance = float((alone - stacked).norm() / alone.norm().clamp_min(torch.finfo(torch.float32).tiny))
    return math.inf if math.isnan(distance) else distance


def main() -> None:
    torch.set_num_threads(1)
    tree = project(ROOT)
    print(f"{'method':<32} {'largest difference':>18}  tensor   ({STEPS} steps, tolerance {TOLERANCE:g})")
    for cell in tree.cells:
        difference, name = largest_difference(Trial(tree, cell))
        print(f"{name_of(cell):<32} {difference:>18.1e}  {name}", flush=True)


if __name__ == "__main__":
    main()
