"""Instance noise and its schedule."""

import torch

from baselines.parts.adversarial.noise import NoiseParams, add_noise
from harness.run.seeds import CounterDraws


def test_noise_falls_linearly_to_zero():
    params = NoiseParams(where="input", std=2.0, anneal_steps=100)
    assert [params.std_at(step) for step in (0, 25, 50, 100, 500)] == [2.0, 1.5, 1.0, 0.0, 0.0]
    assert NoiseParams(where="input", std=2.0).std_at(10**6) == 2.0


def test_noise_is_of_its_own_for_each_sample_and_tag():
    draws, x = CounterDraws((0, 1), "test"), torch.ones(2, 4000, 3)
    params = NoiseParams(where="input", std=0.5)
    one, other = add_noise(x, params, draws, "real"), add_noise(x, params, draws, "fake")
    assert abs(float((one - 1).std()) - 0.5) < 0.02 and abs(float(one.mean()) - 1) < 0.02
    assert torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1].abs() < 0.04
    assert not torch.equal(one[:, 0], one[:, 1]) and not torch.equal(one[0], one[1])
