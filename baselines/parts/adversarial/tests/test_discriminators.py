"""AIRL, GAIL, replay and rows of transitions: their formulas and their options."""

import math

import pytest
import torch
import torch.nn.functional as F

from baselines.parts.adversarial.airl import AIRLDiscriminator, AIRLParams
from baselines.parts.adversarial.discriminators import learnt_reward
from baselines.parts.adversarial.gail import GAILDiscriminator, GAILParams
from baselines.parts.adversarial.replay import Replay, ReplayParams
from baselines.parts.control.transitions import Transitions, as_steps, transitions
from harness.contracts import Rollout, TaskSpec, bind, initialise
from harness.run.seeds import CounterDraws

S, B = 3, 6
SPEC = TaskSpec("maze", (3,), 10, action_size=2, horizon=5)
NET = {"kind": "mlp", "width": 8, "depth": 2, "activation": "relu"}
RATE = {"name": "adam", "lr": 1e-3}
CODE = {"size": 4, "i_c": 0.5, "beta": 0.3, "dual_step": 1e-2, "kl_reduce": "per_sample"}


def airl(**options):
    params = AIRLParams(kind="airl", net=NET, **({"head": "relu_linear", "critic_optimizer": RATE} | options))
    net = AIRLDiscriminator(S, SPEC, params)
    initialise(net, draws())
    bind(net, torch.ones(S, dtype=torch.bool))
    return net


def gail(**options):
    params = GAILParams(kind="gail", net=NET, **({"head": "relu_linear", "critic_optimizer": RATE} | options))
    net = GAILDiscriminator(S, SPEC, params)
    initialise(net, draws())
    bind(net, torch.ones(S, dtype=torch.bool))
    return net


def draws():
    return CounterDraws(range(S), "test", lookahead=1)


def rows(seed=0, n=B, stack=S):
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(stack, n, *shape, generator=g)

    return Transitions(normal(3), normal(2), normal(3), torch.arange(n).expand(stack, -1) % 3 == 0, normal())


def rollout(steps=4, envs=2):
    g = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(S, steps, envs, *shape, generator=g)

    never = torch.zeros(S, steps, envs, dtype=torch.bool)
    cut = never.clone()
    cut[:, -1] = True
    return Rollout(normal(3), normal(2), normal(), normal(3), never, cut)


def log_pis(seed=5):
    g = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(S, B, generator=g) for _ in range(2))


def by_hand(net, x):
    """Two ReLU layers and a linear unit, from the weights."""
    for layer in net.body.net.hidden:
        x = torch.relu(torch.einsum("soi,sbi->sbo", layer.weight, x) + layer.bias.unsqueeze(1))
    return (torch.einsum("soi,sbi->sbo", net.head.weight, x) + net.head.bias.unsqueeze(1)).squeeze(2)


def test_f_is_reward_plus_shaping_and_stops_at_a_terminal_state():
    """f = g(s) + gamma (1 - terminated) h(s') - h(s)."""
    net, r = airl(gamma=0.9), rows()
    f, _, kl = net._f(r, None, "")
    g = by_hand(net.reward_net, r.observations)
    h, after = by_hand(net.shaping_net, r.observations), by_hand(net.shaping_net, r.next_observations)
    torch.testing.assert_close(f, g + 0.9 * torch.where(r.terminated, 0.0, after) - h)
    assert r.terminated.any() and not r.terminated.all() and kl is None


def test_the_logit_makes_d_the_ratio_of_exp_f_to_pi():
    """D = exp f / (exp f + pi), and the loss is its cross-entropy, half of it with ce_scale mean."""
    for scale, factor in (("sum", 1.0), ("mean", 0.5)):
        net, expert, policy, log_pi = airl(ce_scale=scale), rows(0), rows(1), log_pis()
        total, logs = net.objective(expert, policy, log_pi, None, "t")
        d = []
        for part, lp in zip((expert, policy), log_pi):
            f = net._f(part, None, "")[0].double()
            d.append(f.exp() / (f.exp() + lp.double().exp()))
        expected = -factor * (d[0].log().mean(1) + (1 - d[1]).log().mean(1))
        torch.testing.assert_close(total.double(), expected, rtol=1e-6, atol=1e-6)
        accuracy = 0.5 * ((d[0] > 0.5).float().mean(1) + (d[1] < 0.5).float().mean(1))
        torch.testing.assert_close(logs["accuracy"], accuracy)


def test_a_step_moves_reward_and_shaping_and_gives_log_pi_no_gradient():
    net, log_pi = airl(), tuple(part.requires_grad_() for part in log_pis())
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net.update(rows(0), rows(1), log_pi, draws(), "t")
    assert all(not torch.equal(v, before[k]) for k, v in net.state_dict().items() if k.endswith("weight"))
    assert all(part.grad is None for part in log_pi)


@pytest.mark.parametrize("form", ["g", "f", "f_minus_log_pi", "softplus"])
def test_the_policy_is_paid_in_the_form_that_is_named(form):
    """The default is g alone, without noise and the same for every next state."""
    net, r = airl(policy_reward=form, gamma=0.9, head="linear", bottleneck=CODE), rows()
    log_pi = log_pis()[0]
    f, g = net._f(r, None, "")[0], net.g(r.observations)
    expected = {"g": g, "f": f, "f_minus_log_pi": f - log_pi, "softplus": F.softplus(f - log_pi)}[form]
    torch.testing.assert_close(net.reward(r, log_pi), expected.detach())
    assert torch.equal(net.reward(r, log_pi), net.reward(r, log_pi))
    other = r._replace(next_observations=r.next_observations + 1)
    assert torch.equal(net.reward(other, log_pi), net.reward(r, log_pi)) == (form == "g")


def test_three_kls_share_one_bound_or_the_rewards_alone_has_it():
    """Either the released sum over g(s), h(s') and h(s), or the KL of the reward's code alone, is held to the bound."""
    expert, policy, log_pi = rows(0), rows(1), log_pis()
    both = expert.concat(policy)
    for terms in ("all", "reward"):
        net = airl(head="linear", bottleneck=CODE, kl_terms=terms)
        kl = net.reward_net.encode(both.observations, None, "").kl
        if terms == "all":
            kl = (
                kl
                + net.shaping_net.encode(both.observations, None, "").kl
                + net.shaping_net.encode(both.next_observations, None, "").kl
            )
        total, logs = net.objective(expert, policy, log_pi, draws(), "t")
        torch.testing.assert_close(logs["kl"], kl.detach().mean(1))
        torch.testing.assert_close(logs["kl"], 0.5 * (logs["kl_real"] + logs["kl_fake"]))
        torch.testing.assert_close(total.detach() - logs["loss_critic"], 0.3 * logs["kl"])


def test_the_dual_step_follows_the_optimisers():
    net = airl(head="linear", bottleneck=CODE)
    logs = net.update(rows(0), rows(1), log_pis(), draws(), "t")
    torch.testing.assert_close(logs["beta"], torch.full((S,), 0.3))
    torch.testing.assert_close(net.reward_net.bottleneck.beta, (0.3 + 1e-2 * (logs["kl"] - 0.5)).clamp_min(0))


def test_the_penalty_is_on_the_experts_states_in_all_three_encodings():
    expert, policy, log_pi = rows(0), rows(1), log_pis()
    net = airl(penalties={"r1": {"weight": 3.0, "half": True}})
    total, logs = net.objective(expert, policy, log_pi, draws(), "t")
    squared = torch.zeros(S)
    for critic, x in (
        (net.reward_net, expert.observations),
        (net.shaping_net, expert.observations),
        (net.shaping_net, expert.next_observations),
    ):
        x = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(by_hand(critic, x).sum(), x)
        squared += gradient.square().sum(2).mean(1)
    torch.testing.assert_close(logs["penalty"], 1.5 * squared)
    torch.testing.assert_close(total.detach(), logs["loss_critic"] + logs["penalty"])
    other, _ = net.objective(expert, rows(7), log_pi, draws(), "t")
    assert not torch.equal(other, total)


def test_beta_zero_without_noise_is_the_plain_code_bit_for_bit():
    """The twin's head, on mu alone."""
    quiet = airl(head="linear", bottleneck={**CODE, "beta": 0.0, "i_c": None, "dual_step": None, "noise": False})
    twin = airl(head="linear", code_size=4)
    for step in range(3):
        d = draws()
        d.step = step
        quiet.update(rows(step), rows(step + 9), log_pis(), d, "t")
        twin.update(rows(step), rows(step + 9), log_pis(), d, "t")
    state = quiet.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in twin.state_dict().items())


def test_rewards_of_gail_over_a_table_of_logits():
    """With expert = 1, log D <= 0 favours ending, -log(1 - D) >= 0 favours surviving, and their sum is the logit."""
    r = rows()
    found = {form: gail(policy_reward=form).reward(r) for form in ("log_d", "softplus", "logit")}
    logit = found["logit"].double()
    torch.testing.assert_close(found["log_d"].double(), torch.sigmoid(logit).log())
    torch.testing.assert_close(found["softplus"].double(), -torch.log1p(-torch.sigmoid(logit)))
    torch.testing.assert_close(found["log_d"] + found["softplus"], found["logit"])
    assert (found["log_d"] < 0).all() and (found["softplus"] > 0).all()


@pytest.mark.parametrize(
    ("what", "sees"), [("s", (True, False, False)), ("sa", (True, True, False)), ("ss", (True, False, True))]
)
def test_what_gail_sees(what, sees):
    net, r = gail(input=what), rows()
    base = net.reward(r)
    for part, seen in zip(("observations", "actions", "next_observations"), sees):
        moved = r._replace(**{part: getattr(r, part) + 1})
        assert torch.equal(net.reward(moved), base) != seen


def test_the_learnt_reward_is_that_of_states_and_actions():
    r = rows()
    shaped = airl(gamma=0.9)  # at gamma 1 shaping between equal states cancels
    torch.testing.assert_close(learnt_reward(shaped)(r.observations, r.actions), shaped.reward(r))
    torch.testing.assert_close(learnt_reward(gail())(r.observations, r.actions), gail().reward(r))
    assert learnt_reward(gail(input="ss")) is None


def test_rows_keep_the_steps_of_one_environment_together():
    r = rollout()
    made = transitions(r)
    assert torch.equal(made.observations[:, :4], r.observations[:, :, 0])
    assert torch.equal(made.actions[:, 4:], r.actions[:, :, 1])
    values = made.observations[..., 0]
    assert torch.equal(as_steps(values, r), r.observations[..., 0])


def test_the_last_next_observation_is_padded_or_seen():
    r = rollout()
    seen, padded = transitions(r).next_observations, transitions(r, "zeros").next_observations
    assert torch.equal(seen[:, :4], r.next_observations[:, :, 0])
    assert (padded[:, [3, 7]] == 0).all() and torch.equal(padded[:, :3], seen[:, :3])


def test_rows_of_one_expert_serve_all_seeds():
    one, index = rows(stack=1), torch.tensor([[0, 2], [1, 1], [5, 3]])
    assert torch.equal(one.rows(index).actions[1], one.actions[0][[1, 1]])
    own = rows()
    assert torch.equal(own.rows(index).actions[2], own.actions[2][[5, 3]])


def paths(start, n, length=2):
    """`n` paths of which every number is the path's own."""
    number = torch.arange(start, start + n).repeat_interleave(length).float()
    wide = number.view(1, -1, 1).expand(S, -1, -1)
    return Transitions(wide, wide, wide, torch.zeros(S, n * length, dtype=torch.bool), number.expand(S, -1))


def test_replay_mixes_as_many_old_rows_and_keeps_whole_paths():
    replay = Replay(S, 2, 1, 1, ReplayParams(paths=10, share=0.5))
    first = replay.mix(paths(0, 4), draws())
    assert first.observations.shape[1] == 8, "nothing to replay yet"
    assert replay.held.tolist() == [2] * S
    second = replay.mix(paths(4, 4), draws())
    assert second.observations.shape[1] == 16
    old = second.observations[:, 8:, 0].view(S, 4, 2)
    assert (old[..., 0] == old[..., 1]).all() and set(old.flatten().tolist()) <= {0.0, 1.0}
    assert torch.equal(replay.observations[0, :4, 0, 0], torch.tensor([0.0, 1.0, 4.0, 5.0]))


def test_newer_paths_are_likelier_to_go():
    """The k-th oldest of n goes with probability k / (n (n + 1) / 2); each seed by its own draws; newest last."""
    n, gone = 4, torch.zeros(4)
    replay = Replay(2000, 1, 1, 1, ReplayParams(paths=n))
    kept = replay._survivors(CounterDraws(range(2000), "test", lookahead=1), n, 1)
    for k in range(n):
        gone[k] = 1 - (kept == k).any(1).float().mean()
    torch.testing.assert_close(gone, torch.tensor([0.1, 0.2, 0.3, 0.4]), atol=4 * math.sqrt(0.25 / 2000), rtol=0)
    assert (kept.diff(dim=1) > 0).all()


def test_replay_never_holds_more_than_its_size():
    replay, d = Replay(S, 2, 1, 1, ReplayParams(paths=5, share=1.0)), draws()
    for step in range(4):
        d.step = step
        replay.mix(paths(4 * step, 4), d)
        assert replay.held.tolist() == [min(5, 4 * (step + 1))] * S
    assert replay.observations.max() > 11
    again = Replay(S, 2, 1, 1, ReplayParams(paths=5, share=1.0))
    again.load_state_dict(replay.state_dict())
    d.step = 9
    assert torch.equal(again.mix(paths(0, 4), d).observations, replay.mix(paths(0, 4), d).observations)


def test_seed_k_alone_equals_seed_k_in_the_stack():
    options = {"head": "linear", "bottleneck": CODE, "penalties": {"r1": {"weight": 1.0, "half": True}}}
    stacked = airl(**options)
    stacked.update(rows(0), rows(1), log_pis(), draws(), "t")
    params = stacked.params
    alone = AIRLDiscriminator(1, SPEC, params)
    d = CounterDraws((2,), "test", lookahead=1)
    initialise(alone, d)
    bind(alone, torch.ones(1, dtype=torch.bool))
    pick = [Transitions(*(x[2:3] for x in rows(i))) for i in (0, 1)]
    alone.update(*pick, tuple(x[2:3] for x in log_pis()), d, "t")
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(value[0], stacked.state_dict()[name][2], rtol=1e-5, atol=1e-6, msg=name)


def test_the_state_reached_is_paid_and_an_end_is_not():
    net, made = gail(input="next", policy_reward="softplus"), rows()
    critic = net.adversary.critic
    expected = F.softplus(critic.score(critic.encode(made.next_observations, None, "").z))
    torch.testing.assert_close(net.reward(made), torch.where(made.terminated, 0.0, expected))
    assert made.terminated.any() and not made.terminated.all()


def test_a_phase_may_be_seen_left_out_or_choose_weights():
    spec = TaskSpec("mocap", (5,), 10, action_size=2, horizon=5, phase=2)

    def made(**options):
        options = {"head": "linear", "critic_optimizer": RATE, "policy_reward": "softplus", "input": "next"} | options
        net = GAILDiscriminator(S, spec, GAILParams(kind="gail", net=NET, **options))
        initialise(net, draws())
        bind(net, torch.ones(S, dtype=torch.bool))
        return net

    g = torch.Generator().manual_seed(0)
    x = torch.randn(S, B, 5, generator=g)
    turned = torch.cat([x[..., :3], -x[..., 3:]], -1)
    for phase, same in (("input", False), ("none", True), ("functioned", False)):
        net = made(phase=phase)
        a, b = (net.reward(Transitions(o, x, o, torch.zeros(S, B, dtype=torch.bool), x)) for o in (x, turned))
        assert torch.equal(a, b) == same
    with pytest.raises(ValueError, match="functioned requires the input s or next"):
        GAILParams(kind="gail", net=NET, critic_optimizer=RATE, input="ss", phase="functioned")


def test_amps_reward_and_its_middle():
    """With D' = 2 D - 1, whose targets are 1 and -1, it is max(0, 1 - (D' - 1)^2 / 4) (Peng et al. 2021, Eq. 7)."""
    net, made = gail(loss="least_squares", policy_reward="square", input="ss"), rows()
    critic = net.adversary.critic
    score = critic.score(critic.encode(torch.cat([made.observations, made.next_observations], -1), None, "").z)
    amp = 2 * score - 1
    torch.testing.assert_close(net.reward(made), (1 - 0.25 * (amp - 1).square()).clamp_min(0.0))
    told = net.adversary._accuracy(torch.full((S, B), 0.6), torch.full((S, B), 0.4))
    assert torch.equal(told, torch.ones(S))
    with pytest.raises(ValueError, match="square requires"):
        gail(policy_reward="square")
