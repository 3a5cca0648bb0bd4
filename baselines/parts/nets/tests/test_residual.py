import pytest
import torch
import torch.nn.functional as F

from baselines.parts.fast.maps import maps_of
from baselines.parts.nets import residual
from baselines.parts.nets.residual import ResidualBlock, ResidualBody, ResidualGenerator, ResidualParams
from harness.contracts import BenchError


def params(width=32, max_width=256):
    return ResidualParams(kind="residual", width=width, max_width=max_width)


def filled(module, seed=0):
    """Every parameter from N(0, 0.1^2): large enough that a lost term shows."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data.normal_(0.0, 0.1, generator=generator)
    return module


def copy_seed(stacked, alone, k):
    alone.load_state_dict({name: value[k : k + 1] for name, value in stacked.state_dict().items()})
    return alone


def n_parameters(module):
    return sum(p[0].numel() for p in module.parameters())


@pytest.mark.parametrize("size", [16, 32, 64])
def test_shapes(size):
    generator = filled(ResidualGenerator(2, 5, (3, size, size), params(4, 16)))
    body = filled(ResidualBody(2, (3, size, size), params(4, 16)))
    images = generator(torch.randn(2, 3, 5))
    assert images.shape == (2, 3, 3, size, size) and images.abs().max() <= 1
    assert body.features == (16, 4, 4) and body(images).shape == (2, 3, 16, 4, 4)


def test_widths_double_until_the_maximum():
    assert residual.stage_widths((3, 32, 32), 32, 256) == [32, 64, 128, 256]
    assert residual.stage_widths((3, 1024, 1024), 16, 512) == [16, 32, 64, 128, 256, 512, 512, 512, 512]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 48, 48), (3, 32, 64)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(BenchError, match=f"got {shape[1]}x{shape[2]}"):
        ResidualBody(1, shape, params())


def test_a_stack_of_two_equals_each_alone():
    shape = (3, 16, 16)
    z = torch.randn(2, 4, 6)
    generators = filled(ResidualGenerator(2, 6, shape, params(4, 8)))
    bodies = filled(ResidualBody(2, shape, params(4, 8)))
    images = generators(z)
    features = bodies(images)
    for k in range(2):
        generator = copy_seed(generators, ResidualGenerator(1, 6, shape, params(4, 8)), k)
        body = copy_seed(bodies, ResidualBody(1, shape, params(4, 8)), k)
        torch.testing.assert_close(generator(z[k : k + 1]), images[k : k + 1], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(body(images[k : k + 1]), features[k : k + 1], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(features[0], features[1])


def conv(n_in, n_out, kernel, bias=True):
    return n_in * n_out * kernel**2 + (n_out if bias else 0)


def test_parameter_counts_of_the_released_cifar_nets():
    same = conv(32, 32, 3) + conv(32, 32, 3)  # identity shortcut
    narrow, middle, wide = (
        conv(a, a, 3) + conv(a, b, 3) + conv(a, b, 1, bias=False) for a, b in [(32, 64), (64, 128), (128, 256)]
    )
    assert (
        n_parameters(ResidualBody(1, (3, 32, 32), params()))
        == conv(3, 32, 3) + same + narrow + middle + wide
        == 643_680
    )
    # Upwards the hidden width min(in, out) is the output's, so the first convolution is the wide one.
    narrow, middle, wide = (
        conv(b, a, 3) + conv(a, a, 3) + conv(b, a, 1, bias=False) for a, b in [(32, 64), (64, 128), (128, 256)]
    )
    project = 256 * 4096 + 4096
    expected = project + wide + middle + narrow + same + conv(32, 3, 3)
    assert n_parameters(ResidualGenerator(1, 256, (3, 32, 32), params())) == expected == 1_696_099


def test_block_formula():
    block = filled(ResidualBlock(1, 3, 5))
    x = torch.randn(1, 2, 3, 4, 4)
    c0, c1, s = block.conv_0, block.conv_1, block.shortcut
    inner = F.conv2d(F.leaky_relu(x[0], 0.2), c0.weight[0], c0.bias[0], padding=1)
    outer = F.conv2d(F.leaky_relu(inner, 0.2), c1.weight[0], c1.bias[0], padding=1)
    torch.testing.assert_close(block(maps_of(x)).stack()[0], F.conv2d(x[0], s.weight[0]) + 0.1 * outer)


@pytest.mark.parametrize("n_out", [3, 5])
def test_without_the_second_convolution_only_the_shortcut_is_left(n_out):
    block = filled(ResidualBlock(2, 3, n_out))
    block.conv_1.weight.data.zero_()
    block.conv_1.bias.data.fill_(1.0)
    x = torch.randn(2, 2, 3, 4, 4)
    past = x if n_out == 3 else block.shortcut(x)
    torch.testing.assert_close(block(maps_of(x)).stack(), past + 0.1)


def test_pooling_and_upsampling():
    ones = torch.ones(1, 1, 4, 4)
    # The zero border counts in the mean of nine: 4/9 in the corner, 6/9 on the edge, 1 inside.
    expected = torch.tensor([[4 / 9, 6 / 9], [6 / 9, 1.0]])
    torch.testing.assert_close(residual.avg_pool(ones)[0, 0], expected)
    x = torch.arange(8.0).view(2, 1, 2, 2)
    torch.testing.assert_close(residual.upsample(x), x.repeat_interleave(2, -1).repeat_interleave(2, -2))


def test_gradient_penalty_reaches_the_weights():
    body = filled(ResidualBody(1, (1, 16, 16), params(4, 8))).double()
    x = torch.randn(1, 2, 1, 16, 16, dtype=torch.float64, requires_grad=True)

    def penalty():
        (gradient,) = torch.autograd.grad(F.leaky_relu(body(x), 0.2).square().sum(), x, create_graph=True)
        return gradient.square().sum()

    weight = body.stages[0].conv_0.weight
    (analytic,) = torch.autograd.grad(penalty(), weight)
    h = 1e-6
    with torch.no_grad():
        weight[0, 0, 0, 1, 1] += h
    up = penalty().item()
    with torch.no_grad():
        weight[0, 0, 0, 1, 1] -= 2 * h
    down = penalty().item()
    # Central difference: rounding of order 1e-16 / 1e-6 relative to the penalty, truncation far below.
    assert analytic[0, 0, 0, 1, 1].item() == pytest.approx((up - down) / (2 * h), rel=1e-4)
