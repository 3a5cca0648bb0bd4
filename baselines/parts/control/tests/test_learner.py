"""The learner: entropy weight, advantages, order of the value fit, time limits, and a point driven to the origin."""

import pytest
import torch
from pydantic import TypeAdapter

from baselines.parts.control.learner import Learner, LearnerParams
from harness.contracts import Rollout, TaskSpec, bind, initialise
from harness.run.seeds import CounterDraws

SPEC = TaskSpec("maze", (1,), 10, action_size=1, horizon=20)
KINDS = {
    "trpo": {"kind": "trpo", "n_envs": 20, "trust_region": 0.03},
    "ppo": {"kind": "ppo", "n_envs": 20, "minibatches": 4, "epochs": 5, "optimizer": {"lr": 0.005}},
    "ppo_net": {
        "kind": "ppo",
        "n_envs": 20,
        "minibatches": 4,
        "epochs": 5,
        "optimizer": {"lr": 0.005},
        "lam": 0.95,
        "value": {"kind": "mlp", "width": 16, "minibatches": 4, "epochs": 5, "clip": 0.5, "optimizer": {"lr": 0.01}},
    },
}


class Point:
    """x moves by 0.2 a, a clipped to +-1, from +-1 within +-2; the reward is -|x| before the move; 20 steps.

    The best is to walk straight in: 1 + 0.8 + ... + 0.2 = 3, a return of -3; standing still has -20.
    """

    def rollout(self, act, draws, n_envs, name="rollout", stream="env"):
        x = (draws.uniform(stream, f"{name}/reset", (n_envs, 1)) > 0.5).float() * 2 - 1
        rows = []
        for t in range(20):
            a = act(x, t)
            nxt = (x + 0.2 * a.clamp(-1, 1)).clamp(-2, 2)
            flag = torch.zeros(x.shape[:2], dtype=torch.bool)
            rows.append((x, a, -x.abs().squeeze(2), nxt, flag, flag | (t == 19)))
            x = nxt
        return Rollout(*(torch.stack(column, 1) for column in zip(*rows)))


def build(seeds=range(3), **params):
    learner = Learner(len(seeds), SPEC, TypeAdapter(LearnerParams).validate_python(params))
    draws = CounterDraws(seeds, "test")
    initialise(learner, draws)
    bind(learner, torch.ones(len(seeds), dtype=torch.bool))
    return learner, draws


def run(learner, draws, steps, source=None):
    source = source or Point()
    for draws.step in range(steps):
        rollout = learner.rollout(source, draws)
        logs = learner.improve(rollout, rollout.rewards, draws)
    return logs


@pytest.mark.parametrize("kind", KINDS)
def test_it_drives_the_point_home(kind):
    logs = run(*build(**KINDS[kind], policy={"initial_std": 0.7}), 30 if kind == "trpo" else 20)
    assert (logs["return"] > -5).all()  # -3 is the best without noise


@pytest.mark.parametrize("kind", KINDS)
def test_logs_and_optimisers(kind):
    learner, draws = build(**KINDS[kind])
    logs = run(learner, draws, 2)
    names = {
        "return",
        "true_return",
        "kl_policy",
        "improvement",
        "entropy",
        "policy_std",
        "grad_policy",
        "explained_variance",
    }
    assert set(logs) == names
    assert all(v.shape == (3,) and torch.isfinite(v).all() and not v.requires_grad for v in logs.values())
    assert set(learner.optimizers()) == {"trpo": set(), "ppo": {"policy"}, "ppo_net": {"policy", "value"}}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_alone_is_that_seed_in_a_stack(kind):
    params = KINDS[kind] | ({"cg_damping": 0.01} if kind == "trpo" else {})
    stack, alone = build(**params), build(seeds=[1], **params)
    for learner in (stack, alone):
        run(*learner, 3)
    # float32 sums of another order, enlarged by three rounds of acting (and, with less damping, by the Fisher matrix)
    for name, value in alone[0].state_dict().items():
        torch.testing.assert_close(stack[0].state_dict()[name][1], value[0], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_seed_stands_still(kind):
    learner, draws = build(**KINDS[kind])
    run(learner, draws, 1)
    before = {k: v.clone() for k, v in learner.state_dict().items()}
    rollout = learner.rollout(Point(), draws)
    rewards = rollout.rewards.clone()
    rewards[1, 3, 4] = torch.inf
    draws.step = 1
    learner.improve(rollout, rewards, draws)
    assert learner.alive.tolist() == [True, False, True]
    for name, value in learner.state_dict().items():
        assert torch.equal(value[1], before[name][1]) and not torch.equal(value[0], before[name][0]), name


def spied(**params):
    """What one update hands its optimiser: (advantages, bonus)."""
    learner, draws = build(kind="trpo", n_envs=20, **params)
    seen, update = [], learner.optimiser.update
    learner.optimiser.update = lambda *args: seen.append(args[3:5]) or update(*args)
    logs = run(learner, draws, 1)
    return *seen[0], logs


def test_a_stopped_entropy_shifts_the_finished_advantages_by_one_constant():
    """As Peng et al. (2019) released it: after centring, weight * H as a number; no bonus besides."""
    (plain, none, logs), (shifted, zero, _) = spied(entropy="none"), spied(entropy_weight=0.1)
    torch.testing.assert_close(plain.mean(1), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(shifted, plain + 0.1 * logs["entropy"].unsqueeze(1), rtol=1e-5, atol=1e-5)
    assert none == zero == 0.0 and not shifted.requires_grad


def test_such_a_constant_has_no_gradient_in_expectation_and_a_bonus_has():
    """With noise +-1, of the mean and variance of a normal, a constant advantage has exactly no gradient."""
    learner, _ = build(kind="trpo")
    policy, o = learner.policy, torch.linspace(-1, 1, 8).view(1, 8, 1).expand(3, 8, 1)
    o, noise = torch.cat([o, o], 1), torch.cat([torch.ones(3, 8, 1), -torch.ones(3, 8, 1)], 1)
    actions = policy.act(o, noise).detach()
    parameters = list(policy.parameters())
    constant = torch.autograd.grad(0.1 * policy.log_prob(o, actions).mean(1).sum(), parameters)
    assert max(g.abs().max() for g in constant) < 1e-7
    bonus = torch.autograd.grad(0.1 * policy.entropy(policy.distribution(o)).mean(1).sum(), [policy.log_std])
    torch.testing.assert_close(bonus[0], torch.full((3, 1), 0.1))


def test_bonus_goes_to_the_objective():
    advantages, bonus, _ = spied(entropy="bonus", entropy_weight=0.3)
    assert bonus == 0.3
    torch.testing.assert_close(advantages.mean(1), torch.zeros(3), atol=1e-5, rtol=0)


def test_advantages_stand_on_the_baseline_of_earlier_batches():
    learner, draws = build(kind="trpo", n_envs=20, time_limit="end", advantages="raw", entropy="none")
    seen, update = [], learner.optimiser.update
    learner.optimiser.update = lambda *args: seen.append(args[3]) or update(*args)
    rollout = learner.rollout(Point(), draws)
    for _ in range(2):  # twice on one batch
        learner.improve(rollout, rollout.rewards, draws)
    returns = torch.stack([sum(0.99**k * rollout.rewards[:, t + k] for k in range(20 - t)) for t in range(20)], 1)
    torch.testing.assert_close(seen[0], returns.flatten(1), rtol=1e-4, atol=1e-4)  # zero coefficients: no value
    fitted = learner.value(rollout.observations, torch.arange(20).view(1, 20, 1).expand(3, 20, 20))
    torch.testing.assert_close(seen[1], (returns - fitted).flatten(1), rtol=1e-4, atol=1e-4)
    assert seen[1].var(1).lt(0.5 * seen[0].var(1)).all()


@pytest.mark.parametrize("limit", ["bootstrap", "end"])
def test_time_limits(limit):
    """At a cut the value of the observation before the reset counts, at step t + 1, or nothing does."""
    learner, draws = build(kind="trpo", n_envs=20, time_limit=limit, advantages="raw", entropy="none")
    run(learner, draws, 1)
    seen, update = [], learner.optimiser.update
    learner.optimiser.update = lambda *args: seen.append(args[3]) or update(*args)
    rollout = learner.rollout(Point(), draws)
    last = slice(19, 20)
    value = learner.value(rollout.observations[:, last], torch.full((3, 1, 20), 19))
    ahead = learner.value(rollout.next_observations[:, last], torch.full((3, 1, 20), 20))
    learner.improve(rollout, rollout.rewards, draws)
    wanted = rollout.rewards[:, last] + (0.99 * ahead if limit == "bootstrap" else 0.0) - value
    torch.testing.assert_close(seen[0].view(3, 20, 20)[:, last], wanted, rtol=1e-4, atol=1e-5)


def test_acting_needs_no_graph_and_its_noise_is_one_draw():
    learner, draws = build(kind="trpo", n_envs=5)
    rollout = learner.rollout(Point(), draws)
    noise = draws.normal("latent", "rollout", (20, 5, 1))
    mean = learner.policy.net(rollout.observations.flatten(1, 2)).view(3, 20, 5, 1)
    torch.testing.assert_close(rollout.actions, mean + noise)
    assert not rollout.actions.requires_grad
