"""The critic's order of parts: noise, body, code, head; which of them draws, and when."""

import pytest
import torch
from pydantic import ValidationError

from baselines.parts.adversarial.critic_net import Critic, CriticParams
from baselines.parts.layers import lrelu
from baselines.parts.nets.images import image_body
from baselines.parts.nets.perceptron import MLPParams
from baselines.parts.nets.residual import ResidualParams
from harness.contracts import initialise
from harness.run.seeds import CounterDraws

NET = MLPParams(kind="mlp", width=6, depth=2)
X = torch.randn(2, 5, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def draws(step=0):
    d = CounterDraws((0, 1), "test")
    d.step = step
    return d


def build(shape=(1, 4, 4), net=NET, **params):
    critic = Critic(2, image_body(2, shape, net), CriticParams(**params))
    initialise(critic, draws())
    return critic


def test_without_a_code_the_body_is_scored():
    critic = build(head="linear")
    h = critic.body(X)
    torch.testing.assert_close(critic.score(critic.encode(X, draws(), "t").z), critic.head(h).squeeze(2))


@pytest.mark.parametrize("head", ["linear", "lrelu_linear", "mlp"])
def test_heads(head):
    critic = build(head=head, code_size=3)
    z = critic.encode(X, None, "t").z
    expected = critic.head(lrelu(z) if head == "lrelu_linear" else z).squeeze(2)
    assert torch.equal(critic.score(z), expected) and expected.shape == (2, 5)


def test_the_mlp_code_follows_an_activation():
    critic = build(code_size=3)
    torch.testing.assert_close(critic.encode(X, None, "t").z, critic.code.mu(lrelu(critic.body(X))))


def test_sample_mean_and_no_draws():
    critic = build(bottleneck={"size": 3})
    code = critic.encode(X, draws(), "t")
    sigma = critic.code.rho(lrelu(critic.body(X))).exp()
    epsilon = draws().normal("bottleneck", "t", (5, 3))
    torch.testing.assert_close(code.z, code.mean + sigma * epsilon)
    for still in (critic.encode(X, draws(), "t", mean=True), critic.encode(X, None, "t")):
        assert torch.equal(still.z, code.mean)
    assert not torch.equal(critic.encode(X, draws(1), "t").z, code.z)  # fresh at each step
    assert not torch.equal(critic.encode(X, draws(), "u").z, code.z)  # and for each tag


@pytest.mark.parametrize("where", ["input", "code"])
def test_noise_goes_where_it_is_asked(where):
    critic = build(noise={"where": where, "std": 0.5}, code_size=3)
    noise = 0.5 * draws().normal("noise", "t", (5, 1, 4, 4) if where == "input" else (5, 3))
    clean = critic.encode(X + noise if where == "input" else X, None, "t").z
    torch.testing.assert_close(critic.encode(X, draws(), "t").z, clean if where == "input" else clean + noise)
    assert torch.equal(critic.encode(X, None, "t").z, critic.encode(X, None, "u").z)  # none without draws


def test_a_map_is_coded_by_one_by_one_convolutions():
    """Released image nets: the code keeps the 4x4 positions, the head reads all of them."""
    net = ResidualParams(kind="residual", width=2, max_width=4)
    critic = build((1, 16, 16), net=net, bottleneck={"size": 3})
    x = torch.randn(2, 4, 1, 16, 16)
    code = critic.encode(x, draws(), "t")
    assert code.z.shape == (2, 4, 3, 4, 4) and code.kl.shape == (2, 4)
    assert critic.code.mu.weight.shape == (2, 3, 4, 1, 1) and critic.head.weight.shape == (2, 1, 48)
    assert critic.score(code.z).shape == (2, 4)


def test_spectral_norm_reaches_every_layer():
    critic = build(spectral_norm=True, bottleneck={"size": 3}, head="mlp")
    names = {name.rsplit(".spectral", 1)[0] for name, _ in critic.named_buffers() if ".spectral." in name}
    layers = {name.removesuffix(".weight") for name, _ in critic.named_parameters() if name.endswith(".weight")}
    assert names == layers and len(names) == 6


def test_one_code_size():
    with pytest.raises(ValidationError, match="code_size is only for critics without a bottleneck"):
        CriticParams(code_size=3, bottleneck={"size": 3})
