"""The optimisers without torch.compile: the bits of torch's own, before and after a state was loaded."""

import copy

import pytest
import torch

from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from baselines.parts.nets.tests.test_optim import loss_of, parameters


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd"])
def test_rules_without_compiling_give_the_bits_of_torchs(name):
    """The same steps, and a state that goes into either; nothing of torch.compile is asked for."""
    stock = {
        "adam": lambda p: torch.optim.Adam(p, 0.1, (0.5, 0.9), 1e-8, fused=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, 0.1, 0.99, 1e-8, foreach=True),
        "sgd": lambda p: torch.optim.SGD(p, 0.1, 0.5, foreach=True),
    }[name]
    start = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    a = OptimizerParams(name=name, lr=0.1, betas=(0.5, 0.9), momentum=0.5).build([ours])
    b = stock([theirs])
    for step in range(6):
        for optimizer, p in ((a, ours), (b, theirs)):
            optimizer.zero_grad()
            (p**2).sum().backward()
            optimizer.step()
        assert torch.equal(ours, theirs) and not torch.equal(ours, start)
        if step == 2:
            held = copy.deepcopy((a.state_dict(), b.state_dict()))
            b.load_state_dict(held[0])
            a.load_state_dict(held[1])
    assert type(a).step is not type(b).step and type(a).__name__ == type(b).__name__


def test_the_order_of_a_weight_in_memory_does_not_change_its_steps():
    start = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    rows, columns = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.mT.contiguous().mT)
    assert rows.is_contiguous() and not columns.is_contiguous()
    for p in (rows, columns):
        optimizer = SeedOptimizer([p], OptimizerParams(lr=0.1), torch.ones(2, dtype=torch.bool))
        for step in range(4):
            optimizer.step((p**3).flatten(1).sum(1), step)
    assert torch.equal(rows, columns) and not torch.equal(rows, start)


def test_a_gradient_in_another_order_than_its_parameter_is_not_taken_for_another():
    """As where a method computes its gradients itself."""
    start = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0))
    rows, columns = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.mT.contiguous().mT)
    for p in (rows, columns):
        optimizer = SeedOptimizer([p], OptimizerParams(lr=0.1), torch.ones(2, dtype=torch.bool))
        for step in range(4):
            p.grad = (3 * p.detach() ** 2).contiguous()
            optimizer.apply_gradients(torch.zeros(2), step)
    assert torch.equal(rows, columns) and not torch.equal(rows, start)


def test_adam_goes_on_after_its_state_was_loaded():
    """Its lists of moments are those of the state that was loaded last."""
    runs = []
    for at in (None, 2):
        ps = parameters()
        optimizer = SeedOptimizer(ps, OptimizerParams(lr=0.01), torch.ones(3, dtype=torch.bool))
        for step in range(6):
            if step == at:
                kept = copy.deepcopy([[p.detach() for p in ps], optimizer.optimizer.state_dict()])
                for _ in range(3):
                    optimizer.step(loss_of(ps), step)
                for p, old in zip(ps, kept[0]):
                    p.data.copy_(old)
                optimizer.optimizer.load_state_dict(kept[1])
            optimizer.step(loss_of(ps), step)
        runs.append([*ps, *(v for p in ps for v in optimizer.optimizer.state[p].values())])
    assert all(torch.equal(a, b) for a, b in zip(*runs))
