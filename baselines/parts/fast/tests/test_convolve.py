"""The convolution against torch's own: values, first and second derivatives."""

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.fast.convolve import convolve

SHAPES = [(3, 1, 1), (3, 2, 1), (1, 1, 0), (4, 2, 1)]  # kernel, stride, padding


def tensors(kernel: int) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    shapes = (4, 3, 6, 6), (5, 3, kernel, kernel), (5,)
    return tuple(torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)


@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES)
def test_values_and_both_derivatives(kernel: int, stride: int, padding: int) -> None:
    inputs = tensors(kernel)
    found = []
    for function in (convolve, F.conv2d):
        y = function(*inputs, stride, padding)
        score = torch.tanh(y).sum((1, 2, 3))
        first = torch.autograd.grad(score.sum(), inputs, create_graph=True)
        # The penalty of a gradient penalty, and every way in which a first derivative depends on its inputs.
        penalty = sum(g.square().sum() for g in first) + first[0].sin().sum()
        found.append((y, *first, *torch.autograd.grad(penalty, inputs)))
    for ours, theirs in zip(*found):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_derivatives_by_finite_differences() -> None:
    inputs = tensors(3)
    assert torch.autograd.gradcheck(lambda *a: convolve(*a, 1, 1), inputs)
    assert torch.autograd.gradgradcheck(lambda *a: convolve(*a, 1, 1), inputs)


def test_without_a_bias() -> None:
    x, weight, _ = tensors(3)
    torch.testing.assert_close(convolve(x, weight, None, 1, 1), F.conv2d(x, weight, None, 1, 1))


def test_only_what_is_wanted() -> None:
    x, weight, bias = tensors(3)
    (only,) = torch.autograd.grad(convolve(x, weight.detach(), bias.detach(), 1, 1).sum(), [x])
    (both, _) = torch.autograd.grad(convolve(x, weight, bias, 1, 1).sum(), [x, weight])
    assert torch.equal(only, both)


def test_lower_precision_on_request() -> None:
    x, weight, bias = (t.float().detach() for t in tensors(3))
    with torch.autocast("cpu", torch.bfloat16):
        lower = convolve(x, weight, bias, 1, 1)
    assert lower.dtype is torch.bfloat16
    torch.testing.assert_close(lower.float(), convolve(x, weight, bias, 1, 1), rtol=0.05, atol=0.05)
