"""A seed alone against the same seed in a stack of five: `python -m harness.tests.stacking` prints every method.

The two are the same arithmetic in another order of summation, so they agree closely, not bit for bit.

Tolerance. One float32 rounding is 6e-8. A dot product over n terms differs by about sqrt(n) of them, so a
gradient by 1e-6 of its tensor's scale. Adam and RMSprop divide each element by its own magnitude: an element
that has cancelled to 1/100 of its tensor's scale moves with a relative error of 1e-4, by that part of the rate,
and the rate is a few percent of the weights' scale here. Over ten steps that adds to 1e-5 of it, and through two
players and a double backward to a few times more. So TOLERANCE = 2e-4 of a tensor, in the root mean square: a lone
element whose gradient is all rounding may move the other way. A seed that met another seed's batch, noise, norm or
moment is off by more than 1e-2.

What acts is compared after one update, a whole rollout and all steps on it. From there on a difference of one
rounding changes where the policy goes, what is learnt there, and so on: it grows tenfold an update (measured).
"""

from __future__ import annotations

from harness.run.pins import pin

if __name__ == "__main__":
    pin()

import torch

from harness.commands.plan import Cell
from harness.tests.cells import ACTING, method_cells, name_of, updated

STACK, STEPS, TOLERANCE = (0, 1, 2, 3, 4), 10, 2e-4


def largest_difference(cell: Cell, seeds: tuple[int, ...] = STACK) -> tuple[float, str]:
    """max over tensors and `seeds` of the distance |alone - stacked| relative to the tensor's length, and its name."""
    steps = 1 if cell.family in ACTING else STEPS
    stacked = updated(cell, STACK, steps).state_dict()
    worst = (0.0, "bit-equal")
    for seed in seeds:
        for name, value in updated(cell, (seed,), steps).state_dict().items():
            alone, stack = value[0].double(), stacked[name][STACK.index(seed)].double()
            length = alone.norm().clamp_min(torch.finfo(torch.float32).tiny)
            difference = float((alone - stack).norm() / length)
            worst = (difference, name) if difference > worst[0] else worst
    return worst


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'method':<32} {'largest difference':>18}  tensor   ({STEPS} steps, tolerance {TOLERANCE:g})")
    for cell in method_cells():
        difference, name = largest_difference(cell)
        print(f"{name_of(cell):<32} {difference:>18.1e}  {name}", flush=True)


if __name__ == "__main__":
    main()
