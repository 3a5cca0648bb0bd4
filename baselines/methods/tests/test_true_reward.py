"""The policy learnt from the task's reward: its logs, what it gives to be scored, and that it learns a table."""

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
    params = Params(algorithm="true_reward", learner={"kind": "trpo", "n_envs": 20, "policy": {"depth": 0}, "trust_region": 0.05})
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
    params = Params(algorithm="true_reward", learner={"kind": "trpo", "n_envs": 3, "policy": {"depth": 0}}, demonstrations=2)
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
