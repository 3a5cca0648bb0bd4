"""Every way to convolve a stack of seeds against each seed by torch's own convolution: values, first and second derivatives."""

from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F

from baselines.parts import maps
from baselines.parts.maps import VARIABLE, WAYS, Branches, maps_of
from baselines.parts.residual import ResidualBody, ResidualGenerator
from baselines.parts.stacked_convolution import StackedConv2d
from harness.contracts import BenchError

SEEDS, ON_CPU = 3, maps.ways("cpu")
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
        return maps_of(x).convolved(weight, bias, 1, 1).stacked()

    assert torch.autograd.gradcheck(function, (x, *stacked.parameters()), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *stacked.parameters()), fast_mode=True)


def test_nets_agree_with_the_loop(way, monkeypatch):
    """A penalised score through a generator and a critic's body: scaled weights, pooling, sums in place, and all else in between."""
    generator, body = ResidualGenerator(SEEDS, 4, (3, 16, 16), 4, 8).double(), ResidualBody(SEEDS, (3, 16, 16), 4, 8).double()
    parameters = [*generator.parameters(), *body.parameters()]
    for parameter in parameters:
        parameter.data.normal_(0.0, 0.3)
    z = torch.randn(SEEDS, 2, 4, dtype=torch.float64, requires_grad=True)
    ours = derivatives(lambda: body(generator(z)), [z, *parameters])
    monkeypatch.setenv(VARIABLE, "loop")
    for ours, theirs in zip(ours, derivatives(lambda: body(generator(z)), [z, *parameters]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_lower_precision_on_request(way):
    stacked, x = layer().float(), images(7, 5).float()
    with torch.autocast("cpu", torch.bfloat16):
        lower = stacked(x)
    assert lower.dtype is torch.bfloat16
    torch.testing.assert_close(lower.float(), stacked(x), rtol=0.05, atol=0.1)


def test_without_the_variable_the_best_of_the_device(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert maps.way("cpu") == "loop" and maps.BEST.keys() == {"cpu", "cuda"}
    assert all(best in maps.ways(device) for device, best in maps.BEST.items())
    assert maps.ways("cuda") == list(WAYS) and "branches" not in ON_CPU


@pytest.mark.parametrize("name", ["lop", "branches"])
def test_a_way_that_is_not_there_is_named_with_those_that_are(monkeypatch, name):
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(BenchError, match=f"^BENCH_CONVOLUTIONS={name}: no such way on cpu; known: loop, grouped, products$"):
        maps_of(images(3, 3))


class Stream:
    """A CUDA stream as far as order goes: `seen` is what has been enqueued on each stream that this one has waited for."""

    def __init__(self, *_):
        self.done, self.seen = 0, {}

    def wait_stream(self, other: "Stream") -> None:
        self.seen |= {s: max(n, self.seen.get(s, 0)) for s, n in {**other.seen, other: other.done}.items()}


@pytest.fixture
def cuda(monkeypatch) -> list[Stream]:
    """Streams without a GPU; the first is the caller's, the last the current one."""
    stack = [Stream()]

    @contextmanager
    def current(stream: Stream):
        stack.append(stream)
        yield
        stack.pop()

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stack[-1])
    monkeypatch.setattr(torch.cuda, "stream", current)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda tensor, stream: recorded.append((tensor, stream)), raising=False)
    recorded: list = []
    maps._streams.cache_clear()
    yield stack, recorded
    maps._streams.cache_clear()


def test_branches_fork_at_the_first_step_and_join_where_they_are_stacked(cuda):
    stack, recorded = cuda
    caller, ran = stack[0], []
    x, stacked = images(5, 5), layer()

    def function(part: torch.Tensor) -> torch.Tensor:
        stack[-1].done += 1
        assert stack[-1].seen[caller] == caller.done
        ran.append(stack[-1])
        return 2 * part

    caller.done = 1  # x
    parts = Branches.of(x).each(function)
    caller.done = 2  # weights
    result = stacked.maps(parts).each(function).stacked()
    torch.testing.assert_close(result, torch.stack([2 * F.conv2d(2 * a, w, b, padding=1) for a, w, b in zip(x, *stacked.parameters())]))
    assert len(set(ran)) == SEEDS and caller not in ran and ran[:SEEDS] == ran[SEEDS:]
    assert all(caller.seen[stream] == 2 for stream in ran) and stack == [caller]
    for k, stream in enumerate(ran[:SEEDS]):  # whatever a branch reads of the caller's is kept for it
        kept = {tensor.data_ptr() for tensor, on in recorded if on is stream}
        assert {x[k].data_ptr(), *(p[k].data_ptr() for p in stacked.parameters())} <= kept
