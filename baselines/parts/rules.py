"""torch's optimisers without torch.compile, whose machinery their wrappers import: 3.5 s of the start-up of every cell.

The rules themselves are torch's own functions, unwrapped, so their results are the same bits.
"""

from __future__ import annotations

import inspect

import torch

WRAPPED = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")


def eager(kind: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """The same optimiser for steps that are not compiled."""
    bare = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    return type(kind.__name__, (kind,), bare | {"step": torch.no_grad()(inspect.unwrap(kind.step))})


Adam, RMSprop, SGD = eager(torch.optim.Adam), eager(torch.optim.RMSprop), eager(torch.optim.SGD)
