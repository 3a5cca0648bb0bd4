"""Where episodes may end: what the form of a reward gives away by itself, and that an absorbing state mends it."""

import pytest
import torch
import torch.nn.functional as F

from baselines.methods import constant_reward, imitation
from harness.contracts import Rollout, TaskSpec
from harness.run.seeds import CounterDraws

CPU, STEPS = torch.device("cpu"), 10
STOP = 1
SPEC = TaskSpec("locomotion", (2,), 60, n_actions=2, horizon=STEPS)
LEARNER = {
    "kind": "ppo",
    "n_envs": 32,
    "gamma": 0.95,
    "epochs": 4,
    "minibatches": 4,
    "optimizer": {"lr": 0.03},
    "entropy": "none",
    "policy": {"depth": 0},
}
NET = {"kind": "gail", "net": {"kind": "mlp", "width": 16, "depth": 1}, "critic_optimizer": {"lr": 3e-3}, "input": "sa"}


class TwoStates:
    """Alive and stopped, one-hot; the action STOP ends it. The expert does so at once, or never.

    absorbing: being stopped is a state that lasts until the horizon. Otherwise the episode is over, and the next
        begins.
    """

    def __init__(self, expert_stops, absorbing):
        self.expert_stops, self.absorbing = expert_stops, absorbing

    def rollout(self, act, draws, n_envs, name="rollout", stream="env"):
        stopped, rows = torch.zeros(draws.n_seeds, n_envs, dtype=torch.int64), []
        for t in range(STEPS):
            seen = F.one_hot(stopped, 2).float()
            action = act(seen, t)
            after = torch.maximum(stopped, action.argmax(2))
            over = (after == STOP) & (not self.absorbing)
            last = torch.full_like(over, t == STEPS - 1)
            rows.append((seen, action, torch.zeros(stopped.shape), F.one_hot(after, 2).float(), over, last))
            stopped = torch.where(over, 0, after)
        return Rollout(*(torch.stack(column, 1) for column in zip(*rows)))

    def demonstrations(self):
        action = F.one_hot(torch.tensor(int(self.expert_stops)), 2).float()
        return self.rollout(lambda o, t: action.expand(*o.shape[:2], 2), CounterDraws((0,), "expert"), 4)


def stops(module, source, steps=60, **params):
    """Probability of STOP while alive, per seed, after training."""
    draws = CounterDraws((0, 1), "test")
    method = module.build(module.Params(**params), SPEC, draws, CPU)
    for draws.step in range(steps):
        method.update(source, draws)
    alive = torch.tensor([1.0, 0.0]).expand(2, 1, 2)
    return method.outputs().log_policy(alive)[:, 0, STOP].exp().numpy()


@pytest.mark.parametrize("form", ["softplus", "log_d", "logit"])
@pytest.mark.parametrize("expert_stops", [True, False])
def test_with_an_absorbing_state_the_policy_stops_when_the_expert_stops(form, expert_stops):
    """Whatever the sign of the reward, both what ends early and what lasts is imitated."""
    found = stops(
        imitation,
        TwoStates(expert_stops, absorbing=True),
        algorithm="imitation",
        learner=LEARNER,
        batch=64,
        discriminator_steps=10,
        discriminator=NET | {"policy_reward": form},
    )
    assert (found > 0.9).all() if expert_stops else (found < 0.1).all(), found


@pytest.mark.parametrize(("form", "ends"), [("softplus", False), ("log_d", True)])
def test_without_one_the_form_alone_decides(form, ends):
    """On a discriminator that sees nothing, against the expert in both cases."""
    found = stops(
        imitation,
        TwoStates(not ends, absorbing=False),
        algorithm="imitation",
        learner=LEARNER,
        batch=64,
        discriminator_steps=2,
        discriminator=NET | {"policy_reward": form, "input": "none"},
    )
    assert (found > 0.9).all() if ends else (found < 0.1).all(), found


@pytest.mark.parametrize("reward", [1.0, -1.0])
def test_a_constant_reward_keeps_on_or_stops(reward):
    found = stops(
        constant_reward,
        TwoStates(False, absorbing=False),
        40,
        algorithm="constant_reward",
        learner=LEARNER,
        reward=reward,
    )
    assert (found < 0.1).all() if reward > 0 else (found > 0.9).all(), found


def test_the_rows_of_control_beside_a_block():
    block = {
        "algorithm": "imitation",
        "learner": LEARNER | {"normaliser": {"source": "both"}},
        "discriminator": NET | {"policy_reward": "log_d"},
    }
    made = imitation.controls(block)
    assert all(row.pop("title").startswith("control: ") for row in made.values())
    assert set(made) == {"control_plus", "control_minus", "control_blind"}
    for name, reward in (("control_plus", 1.0), ("control_minus", -1.0)):
        params = constant_reward.Params(**made[name])
        assert params.reward == reward and params.learner.n_envs == 32 and params.learner.normaliser.source == "policy"
    blind = imitation.Params(**made["control_blind"])
    assert blind.discriminator.input == "none" and blind.discriminator.policy_reward == "log_d"
    assert block["discriminator"]["input"] == "sa" and block["learner"]["normaliser"]["source"] == "both", (
        "the block stays"
    )
    assert imitation.controls(block | {"discriminator": {"kind": "airl"}}) == {}
