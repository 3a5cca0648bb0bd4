"""The policy learnt from the task's reward: its logs, what it gives to be scored, and that it learns a table."""

import pytest
import torch

from baselines.methods.true_reward import Params, build
from harness.contracts import Rollout, TaskSpec
from harness.run.seeds import CounterDraws


class Corridor:
    """Four cells in a row, one-hot; actions left and right; a reward of 1 for each step begun in the last."""

    def rollout(self, act, draws, n_envs, name="rollout", stream="env"):
        x, rows = torch.zeros(draws.n_seeds, n_envs, dtype=torch.int64), []
        for t in range(10):
            o = torch.nn.functional.one_hot(x, 4).float()
            a = act(o, t)
            nxt = (x + 2 * a.argmax(2) - 1).clamp(0, 3)
            flag = torch.zeros_like(x, dtype=torch.bool)
            rows.append((o, a, (x == 3).float(), torch.nn.functional.one_hot(nxt, 4).float(), flag, flag | (t == 9)))
            x = nxt
        return Rollout(*(torch.stack(column, 1) for column in zip(*rows)))


def test_it_learns_a_table_and_its_mode_walks_right():
    params = Params(
        algorithm="true_reward", learner={"kind": "trpo", "n_envs": 20, "policy": {"depth": 0}, "trust_region": 0.05}
    )
    draws = CounterDraws((0, 1), "test")
    method = build(params, TaskSpec("tabular", (4,), 30, n_actions=2, horizon=10), draws, torch.device("cpu"))
    for draws.step in range(30):
        logs = method.update(Corridor(), draws)
    assert (logs["true_return"] > 6.3).all() and torch.equal(logs["return"], logs["true_return"])  # 7 is the best
    outputs = method.outputs()
    cells = torch.eye(4).expand(2, 4, 4)
    assert outputs.act(cells, None).argmax(2).eq(1).all()
    assert outputs.act(cells, outputs.noise(draws, (4,), "episodes")).shape == (2, 4, 2)
    assert method.optimizers() == {}


def test_it_leaves_its_last_episodes():
    params = Params(
        algorithm="true_reward", learner={"kind": "trpo", "n_envs": 3, "policy": {"depth": 0}}, demonstrations=2
    )
    draws, source = CounterDraws((0, 1), "test"), Corridor()
    method = build(params, TaskSpec("tabular", (4,), 5, n_actions=2, horizon=10), draws, torch.device("cpu"))
    kept, rollout = [], source.rollout
    source.rollout = lambda *args: kept.append(rollout(*args)) or kept[-1]
    for draws.step in range(5):
        method.update(source, draws)
    left = method.artefacts()["demonstrations"]
    order = kept[4], kept[3]  # step k has the place k modulo 2
    for name in ("observations", "actions", "rewards"):
        assert torch.equal(left[name], torch.cat([getattr(r, name) for r in order], 2)), name
    assert torch.equal(left["last_observations"], torch.cat([r.next_observations[:, -1] for r in order], 1))
    assert left["whole"].shape == (2, 6) and left["whole"].all()
    kept[-1].terminated[1, 4, 2] = True
    method.demonstrations.keep(kept[-1], 0)
    assert method.artefacts()["demonstrations"]["whole"].tolist() == [[True] * 6, [True, True, False, True, True, True]]


def test_the_best_expert_is_that_of_the_highest_mean_return():
    words = {
        "algorithm": "true_reward",
        "learner": {"kind": "trpo", "n_envs": 3, "policy": {"depth": 0}},
        "demonstrations": 2,
    }
    draws = CounterDraws((0, 1), "test")
    spec = TaskSpec("tabular", (4,), 5, n_actions=2, horizon=10)
    first, best = (
        build(Params(**words, expert=which), spec, draws, torch.device("cpu")) for which in ("first", "best")
    )
    for method in (first, best):
        for draws.step in range(2):
            method.update(Corridor(), draws)
        method.demonstrations.rewards.copy_(torch.tensor([3.0, 7.0]).view(2, 1, 1, 1))
    assert first.artefacts()["demonstrations"]["rewards"][0].eq(3).all()
    assert best.artefacts()["demonstrations"]["rewards"].shape[0] == 1
    assert best.artefacts()["demonstrations"]["rewards"].eq(7).all()
    places = [method.artefacts()["demonstrations"]["place"].tolist() for method in (first, best)]
    assert places == [[0, 1], [1]], "whose episodes they are, so that its scores are found"
    best.demonstrations.whole[1, 0] = False  # what ended early is no demonstration: 7 now counts half
    assert best.artefacts()["demonstrations"]["rewards"].eq(7).all()
    best.demonstrations.whole[1, 1, :2] = False
    assert best.artefacts()["demonstrations"]["rewards"].eq(3).all()
    best.demonstrations.rewards[0] = torch.nan
    assert best.artefacts()["demonstrations"]["rewards"].eq(7).all()


def test_without_an_expert_its_observations_cannot_count():
    with pytest.raises(ValueError, match="learner.normaliser.source = both: this method has no expert; use policy"):
        Params(algorithm="true_reward", learner={"kind": "trpo", "normaliser": {"source": "both"}})
