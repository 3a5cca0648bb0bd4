"""The two players: who moves when, which network is averaged, and the bottleneck's plain twin."""

import pytest
import torch

from baselines.methods.gan import Gan, Params
from harness.contracts import TaskSpec
from harness.run.seeds import CounterDraws

SPEC = TaskSpec("images", (1, 4, 4), steps=20)
NET = {"kind": "mlp", "width": 8, "depth": 1}
BLOCK = {
    "algorithm": "gan",
    "loss": "non_saturating",
    "net": NET,
    "generator_net": NET,
    "latent": 3,
    "batch": 6,
    "critic_optimizer": {"lr": 0.01},
    "generator_optimizer": {"lr": 0.01},
    "ema": {"decay": 0.9},
}


class Noise:
    """Batches of noise, and a note of each."""

    def __init__(self):
        self.names = []

    def batch(self, draws, size, name="batch"):
        self.names.append((draws.step, name))
        return {"x": draws.normal("data", name, (size, *SPEC.shape))}


def build(seeds=(0, 1), **params):
    return Gan(Params(**{**BLOCK, **params}), SPEC, CounterDraws(seeds, "test"), torch.device("cpu"))


def steps(gan, n, source=None):
    draws = CounterDraws(range(len(gan.alive)), "test")
    for draws.step in range(n):
        logs = gan.update(source or Noise(), draws)
    return logs


def copies(module):
    return {k: v.clone() for k, v in module.state_dict().items()}


def changed(before, module):
    return {k for k, v in module.state_dict().items() if not torch.equal(v, before[k])}


def test_each_player_moves_in_its_own_step_only(monkeypatch):
    """With everything on that could leak: spectral vectors, beta, penalties, gradients."""
    code = {"size": 4, "i_c": 0.1, "dual_step": 0.01}
    gan = build(spectral_norm=True, bottleneck=code, penalties={"r1": {"weight": 1.0, "half": True}})
    seen = {}
    critic_step, generator_step = gan.adversary.update, gan.optimizer.step

    def watched_critic(*args):
        before = copies(gan.generator), copies(gan.adversary)
        logs = critic_step(*args)
        seen["critic"] = changed(before[0], gan.generator), changed(before[1], gan.adversary)
        seen["gradients"] = [p.grad.clone() for p in gan.adversary.parameters()]
        seen["adversary"] = copies(gan.adversary)
        return logs

    def watched_generator(*args):
        before = copies(gan.generator)
        result = generator_step(*args)
        seen["generator"] = changed(before, gan.generator)
        return result

    monkeypatch.setattr(gan.adversary, "update", watched_critic)
    monkeypatch.setattr(gan.optimizer, "step", watched_generator)
    steps(gan, 1)
    moving = {name for name, _ in gan.adversary.named_parameters()} | {"critic.code.beta", "critic.code.mu.spectral.u"}
    assert seen["critic"][0] == set() and moving <= seen["critic"][1]
    assert len(seen["generator"]) == len(gan.generator.state_dict())
    assert changed(seen["adversary"], gan.adversary) == set()
    for parameter, gradient in zip(gan.adversary.parameters(), seen["gradients"]):
        assert torch.equal(parameter.grad, gradient)


@pytest.mark.parametrize(
    "loss, names", [("non_saturating", ["critic0", "critic1"]), ("rsgan", ["critic0", "critic1", "generator0"])]
)
def test_batches_of_a_step(loss, names):
    """A relativistic generator meets a fresh real batch; each critic step has one of its own."""
    source = Noise()
    steps(build(loss=loss, critic_steps=2), 1, source)
    assert source.names == [(0, name) for name in names]


def test_bottleneck_without_noise_and_beta_is_the_plain_code_bit_for_bit():
    """The same updates as the twin with a code of equal size, penalties included."""
    settings = {"penalties": {"r1": {"weight": 1.0, "half": True}, "interpolated": {"weight": 1.0}}}
    twin = build(code_size=4, **settings)
    frozen = build(bottleneck={"size": 4, "beta": 0.0, "noise": False}, **settings)
    for gan in (twin, frozen):
        steps(gan, 8)
    state = frozen.state_dict()
    for name, value in twin.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert {n for n in state if n not in twin.state_dict()} == {
        f"adversary.critic.code.{n}" for n in ("beta", "rho.weight", "rho.bias")
    }


def test_the_averaged_generator_is_scored():
    gan = build()
    steps(gan, 5)
    draws = CounterDraws((0, 1), "test", lookahead=1)
    images = gan.images(draws, 0, 7)
    z = draws.normal("eval", "latent/0", (7, 3))
    assert torch.equal(images, gan.ema.net(z)) and not torch.allclose(images, gan.generator(z))
    assert images.shape == (2, 7, 1, 4, 4) and images.abs().max() <= 1
    assert not torch.equal(images, gan.images(draws, 7, 7))


def test_without_an_average_the_generator_itself_is_scored_and_the_training_is_the_same():
    plain, averaged = build(ema=None), build()
    steps(plain, 3), steps(averaged, 3)
    draws = CounterDraws((0, 1), "test", lookahead=1)
    z = draws.normal("eval", "latent/0", (7, 3))
    assert torch.equal(plain.images(draws, 0, 7), averaged.generator(z))


def test_a_seed_that_diverges_is_held_and_the_others_do_not_notice():
    """Bit-equal to a run in which nothing happened; the dead seed keeps its whole state."""
    settings = {"spectral_norm": True, "bottleneck": {"size": 4, "i_c": 0.1, "dual_step": 0.01}}
    healthy, sick = build(**settings), build(**settings)
    draws, source = CounterDraws((0, 1), "test"), Noise()
    for draws.step in range(8):
        healthy.update(source, draws)
        if draws.step == 4:
            before = copies(sick)
        sick.update(Poisoned() if draws.step == 4 else source, draws)
    assert healthy.alive.tolist() == [True, True] and sick.alive.tolist() == [True, False]
    for name, value in sick.state_dict().items():
        assert torch.equal(value[0], healthy.state_dict()[name][0]), name
        if name != "alive" and ".spectral." not in name:  # the vectors moved before the step that killed
            assert torch.equal(value[1], before[name][1]), name


class Poisoned(Noise):
    """The last seed's batch holds one infinite pixel."""

    def batch(self, draws, size, name="batch"):
        x = super().batch(draws, size, name)["x"]
        x[-1, 0] = torch.inf
        return {"x": x}


def test_several_steps_of_each_player_and_their_schedules():
    gan = build(
        critic_steps=3, generator_steps=2, generator_optimizer={"lr": 0.01, "decay": {"factor": 0.5, "every_steps": 4}}
    )
    steps(gan, 5)
    state = gan.optimizers()["critic"].state_dict()["state"][0], gan.optimizers()["generator"].state_dict()
    assert state[0]["step"] == 15 and state[1]["state"][0]["step"] == 10
    assert state[1]["param_groups"][0]["lr"] == 0.005
