"""The moving average: buffers too, half-life in images, dead seeds held."""

import pytest
import torch
from pydantic import ValidationError

from baselines.parts.nets.ema import Ema, EmaParams


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2, 3))
        self.register_buffer("seen", torch.zeros(2))


def test_average_of_parameters_and_buffers():
    """After n updates towards 1 from 0: 1 - decay^n."""
    net, n = Net(), 10
    ema = Ema(net, 0.9)
    with torch.no_grad():
        net.weight.fill_(1.0), net.seen.fill_(1.0)
    for _ in range(n):
        ema.update(net, torch.tensor([True, False]))
    expected = 1 - 0.9**n
    for value in (ema.net.weight[0], ema.net.seen[0]):
        torch.testing.assert_close(value, torch.full_like(value, expected))
    assert ema.net.weight[1].abs().max() == 0 and ema.net.seen[1] == 0
    assert not ema.net.weight.requires_grad and net.weight.requires_grad


def test_it_starts_as_the_network_itself():
    net = Net()
    net.weight.data.normal_()
    assert torch.equal(Ema(net, 0.5).net.weight, net.weight)


def test_half_life():
    """After half_life_images, seen in any batch size, half of the old weight is left."""
    for batch in (10, 50):
        assert EmaParams(half_life_images=1000).decay_for(batch) ** (1000 / batch) == pytest.approx(0.5)
    assert EmaParams(decay=0.999).decay_for(64) == 0.999


@pytest.mark.parametrize("block", [{}, {"decay": 0.9, "half_life_images": 10}, {"decay": 1.0}])
def test_one_of_the_two(block):
    with pytest.raises(ValidationError):
        EmaParams(**block)
