"""Every way to convolve a stack of seeds agrees with torch's own convolution of each seed.

Values, first and second derivatives are compared.
"""

from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.fast import maps
from baselines.parts.fast.maps import STRATEGIES, VARIABLE, Branches, maps_of
from baselines.parts.nets.residual import ResidualBody, ResidualGenerator, ResidualParams
from baselines.parts.nets.stacked_convolution import StackedConv2d
from harness.contracts import BenchError

SEEDS, ON_CPU = 3, maps.strategies("cpu")
NET = ResidualParams(kind="residual", width=4, max_width=8)
SHAPES = [(3, 1, 1), (3, 2, 1), (1, 1, 0), (1, 2, 0), (4, 2, 1)]  # kernel, stride, padding


def layer(kernel: int = 3, stride: int = 1, padding: int = 1, bias: bool = True) -> StackedConv2d:
    made = StackedConv2d(SEEDS, 2, 4, kernel, stride, padding, bias).double()
    for parameter in made.parameters():
        parameter.data.normal_()
    return made


def images(*size: int) -> torch.Tensor:
    return torch.randn(SEEDS, 2, 2, *size, dtype=torch.float64, requires_grad=True)


def derivatives(function, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Values, first derivatives, and those of a penalty in which each first derivative counts."""
    y = function()
    first = torch.autograd.grad(torch.tanh(y).sum(), inputs, create_graph=True)
    penalty = sum(g.square().sum() for g in first) + first[0].sin().sum()
    return [y, *first, *torch.autograd.grad(penalty, inputs)]


@pytest.fixture(params=ON_CPU)
def way(request, monkeypatch) -> str:
    torch.manual_seed(0)
    monkeypatch.setenv(VARIABLE, request.param)
    return request.param


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES)
def test_each_seed_has_its_own_convolution(way, kernel, stride, padding, bias):
    stacked, x = layer(kernel, stride, padding, bias), images(7, 5)

    def alone() -> torch.Tensor:
        biases = stacked.bias if bias else [None] * SEEDS
        return torch.stack([F.conv2d(a, w, b, stride, padding) for a, w, b in zip(x, stacked.weight, biases)])

    inputs = [x, *stacked.parameters()]
    for ours, theirs in zip(derivatives(lambda: stacked(x), inputs), derivatives(alone, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_derivatives_by_finite_differences(way):
    stacked, x = layer(), images(3, 4)

    def function(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return maps_of(x).convolve(weight, bias, 1, 1).stack()

    assert torch.autograd.gradcheck(function, (x, *stacked.parameters()), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *stacked.parameters()), fast_mode=True)


def test_nets_agree_with_the_loop(way, monkeypatch):
    """A penalised score goes through a generator and a critic's body.

    So scaled weights, pooling, sums in place and all else in between are met.
    """
    generator = ResidualGenerator(SEEDS, 4, (3, 16, 16), NET).double()
    body = ResidualBody(SEEDS, (3, 16, 16), NET).double()
    parameters = [*generator.parameters(), *body.parameters()]
    for parameter in parameters:
        parameter.data.normal_(0.0, 0.3)
    z = torch.randn(SEEDS, 2, 4, dtype=torch.float64, requires_grad=True)
    ours = derivatives(lambda: body(generator(z)), [z, *parameters])
    monkeypatch.setenv(VARIABLE, "loop")
    theirs = derivatives(lambda: body(generator(z)), [z, *parameters])
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_lower_precision_on_request(way):
    stacked, x = layer().float(), images(7, 5).float()
    with torch.autocast("cpu", torch.bfloat16):
        lower = stacked(x)
    assert lower.dtype is torch.bfloat16
    torch.testing.assert_close(lower.float(), stacked(x), rtol=0.05, atol=0.1)


def test_without_the_variable_the_best_of_the_device(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert maps.strategy("cpu") == "loop" and maps.BEST.keys() == {"cpu", "cuda"}
    assert all(best in maps.strategies(device) for device, best in maps.BEST.items())
    assert maps.strategies("cuda") == list(STRATEGIES) and "branches" not in ON_CPU


@pytest.mark.parametrize("name", ["lop", "branches"])
def test_a_way_that_is_not_there_is_named_with_those_that_are(monkeypatch, name):
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(
        BenchError, match=f"^BENCH_CONVOLUTIONS={name}: is not available on cpu; known: loop, grouped, products$"
    ):
        maps_of(images(3, 3))


class Stream:
    """A CUDA stream as far as order goes: `seen` is how much of each other stream it has waited for."""

    def __init__(self):
        self.done, self.seen = 0, {}

    def wait_stream(self, other: "Stream") -> None:
        self.seen |= other.seen | {other: other.done}


def test_branches_fork_and_join(monkeypatch):
    """Without a GPU: each seed's whole chain runs on one stream.

    It runs after all that the caller did before, and before all that the caller does next.
    """
    caller, recorded, ran = Stream(), [], []
    stack = [caller]

    @contextmanager
    def current(stream: Stream):
        stack.append(stream)
        yield
        stack.pop()

    def step(part: torch.Tensor) -> torch.Tensor:
        stack[-1].done += 1
        ran.append((stack[-1], dict(stack[-1].seen)))
        return 2 * part

    streams = [Stream() for _ in range(SEEDS)]
    monkeypatch.setattr(maps, "_streams", lambda n: streams[:n])
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stack[-1])
    monkeypatch.setattr(torch.cuda, "stream", current)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda tensor, stream: recorded.append((tensor.data_ptr(), stream))
    )
    x, stacked = images(5, 5), layer()
    chain = stacked.maps(Branches.of(x).each(step)).each(step)
    caller.done = 7
    result = chain.stack()
    torch.testing.assert_close(
        result, torch.stack([2 * F.conv2d(2 * a, w, b, padding=1) for a, w, b in zip(x, *stacked.parameters())])
    )
    assert [stream for stream, _ in ran] == [stream for stream in streams for _ in range(2)]
    assert all(seen[caller] == 7 for _, seen in ran)
    assert all(caller.seen[stream] == 2 for stream in streams) and stack == [caller]
    # What the caller made and a branch reads, the maps and the weights, is kept for that branch; nothing else need be.
    assert recorded == [(t[k].data_ptr(), streams[k]) for k in range(SEEDS) for t in (x, *stacked.parameters())]
