"""What `Method` does for its subclasses: `alive`, the initial weights, and `alive` in the hands of its parts."""

import torch
from torch import nn

from harness.contracts import Method, bind, initialise
from harness.run.seeds import CounterDraws

CPU = torch.device("cpu")


class Line(nn.Module):
    """A part that starts at random and takes steps."""

    def __init__(self, n_seeds: int, bound: float = 1.0):
        super().__init__()
        self.bound, self.weight, self.bound_to = bound, nn.Parameter(torch.zeros(n_seeds, 4)), None

    def fill(self, fill):
        self.weight.data.copy_(fill("weight", (4,), self.bound))

    def bind(self, alive):
        self.bound_to = (alive, self.weight.detach().clone())


class Outer(nn.Module):
    def __init__(self, n_seeds: int):
        super().__init__()
        self.inner = Line(n_seeds)


class Lines(Method):
    def __init__(self, draws):
        super().__init__(draws.n_seeds)
        self.first, self.outer = Line(draws.n_seeds), Outer(draws.n_seeds)
        self.ready(draws, CPU)


def draws(*seeds):
    return CounterDraws(seeds, "test")


def test_a_method_begins_with_all_seeds_alive():
    state = Method(3).state_dict()
    assert list(state) == ["alive"] and torch.equal(state["alive"], torch.ones(3, dtype=torch.bool))


def test_ready_fills_the_weights_and_then_binds_every_part_to_the_one_buffer():
    method = Lines(draws(5, 6))
    for part in (method.first, method.outer.inner):
        alive, weight = part.bound_to
        assert alive is method.alive and torch.equal(weight, part.weight) and part.weight.detach().abs().min() > 0
    method.alive[1] = False
    assert method.outer.inner.bound_to[0].tolist() == [True, False]
    assert list(method.state_dict()) == ["alive", "first.weight", "outer.inner.weight"], (
        "alive is one buffer, the method's"
    )


def test_initial_values_follow_seed_path_and_bound_alone():
    both, one = Lines(draws(5, 6)), Lines(draws(6))
    assert torch.equal(both.outer.inner.weight[1], one.outer.inner.weight[0])
    assert not torch.equal(both.first.weight, both.outer.inner.weight)
    wide = nn.ModuleDict({"first": Line(2, bound=3.0)})
    initialise(wide, draws(5, 6))
    torch.testing.assert_close(wide["first"].weight, 3 * both.first.weight)


def test_parts_that_take_no_steps_are_passed_over():
    bind(nn.Sequential(nn.Linear(1, 1), nn.Identity()), torch.ones(1, dtype=torch.bool))
