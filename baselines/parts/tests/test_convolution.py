"""The stacked convolution against torch's own, seed by seed: values, first and second derivatives."""

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.convolution import convolve

SHAPES = [(1, 3, 1, 1), (3, 3, 1, 1), (2, 3, 2, 1), (2, 1, 1, 0), (2, 4, 2, 1)]  # seeds, kernel, stride, padding


def tensors(n_seeds: int, kernel: int) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    shapes = (n_seeds, 4, 3, 6, 6), (n_seeds, 5, 3, kernel, kernel), (n_seeds, 5)
    return tuple(torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)


def by_torch(x, weight, bias, stride, padding):
    return torch.stack([F.conv2d(a, w, b, stride, padding) for a, w, b in zip(x, weight, bias)])


@pytest.mark.parametrize(("n_seeds", "kernel", "stride", "padding"), SHAPES)
def test_values_and_both_derivatives(n_seeds: int, kernel: int, stride: int, padding: int) -> None:
    inputs = tensors(n_seeds, kernel)
    found = []
    for function in (convolve, by_torch):
        y = function(*inputs, stride, padding)
        score = torch.tanh(y).sum((2, 3, 4))
        first = torch.autograd.grad(score.sum(), inputs, create_graph=True)
        # The penalty of a gradient penalty, and every way in which a first derivative depends on its inputs.
        penalty = sum(g.square().sum() for g in first) + first[0].sin().sum()
        found.append((y, *first, *torch.autograd.grad(penalty, inputs)))
    for ours, theirs in zip(*found):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_derivatives_by_finite_differences() -> None:
    inputs = tensors(2, 3)
    assert torch.autograd.gradcheck(lambda *a: convolve(*a, 1, 1), inputs)
    assert torch.autograd.gradgradcheck(lambda *a: convolve(*a, 1, 1), inputs)


def test_without_a_bias() -> None:
    x, weight, _ = tensors(2, 3)
    torch.testing.assert_close(convolve(x, weight, None, 1, 1), by_torch(x, weight, [None, None], 1, 1))


def test_only_what_is_wanted() -> None:
    x, weight, bias = tensors(2, 3)
    (only,) = torch.autograd.grad(convolve(x, weight.detach(), bias.detach(), 1, 1).sum(), [x])
    (both, _) = torch.autograd.grad(convolve(x, weight, bias, 1, 1).sum(), [x, weight])
    assert torch.equal(only, both)


def test_lower_precision_on_request() -> None:
    x, weight, bias = (t.float().detach() for t in tensors(2, 3))
    with torch.autocast("cpu", torch.bfloat16):
        lower = convolve(x, weight, bias, 1, 1)
    assert lower.dtype is torch.bfloat16
    torch.testing.assert_close(lower.float(), convolve(x, weight, bias, 1, 1), rtol=0.05, atol=0.05)
