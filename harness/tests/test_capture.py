"""What a captured update relies on, without a GPU: draws and schedules follow a tensor, nothing is read on the host."""

import functools

import pytest
import torch

from baselines.parts.adversarial.noise import NoiseParams, add_noise
from baselines.parts.control import trpo
from baselines.parts.nets import optim
from baselines.parts.nets.optim import OptimizerParams, SeedOptimizer
from harness import registry
from harness.checks.stacking import TOLERANCE, distance
from harness.checks.trial import Trial, name_of, project
from harness.checks.watch import NoHost
from harness.maths import arrays
from harness.maths.arrays import step_on
from harness.plan.plan import Cell
from harness.run.seeds import CounterDraws
from harness.run.step import Step
from harness.run.train import Run, Schedule, _log_step
from harness.tasks.batches import epoch_indices

TREE = project(registry.ROOT)
RESIDENT = [cell for cell in TREE.cells if cell.family in ("images", "labelled", "gaussians")]
ACTING = [cell for cell in TREE.cells if cell.family in ("locomotion", "maze")]
SEARCH, FIT, HELD = (
    3,
    2,
    1,
)  # looks an update: of TRPO's line search as it goes here, of the linear baseline, of a replay buffer


@pytest.mark.parametrize("step", [0, 1, 5, 2**33 + 7])
def test_draws_of_a_step_on_the_device_are_those_of_the_number(step: int) -> None:
    draws, other = (CounterDraws((3, 5), "t", lookahead=n) for n in (16, 1))
    draws.step = other.step = step
    with other.clocked():
        for kind, more in (("uniform", ()), ("normal", ()), ("integers", (7,))):
            ours = getattr(other, kind)("data", "x", (4, 3), *more)
            assert torch.equal(ours, getattr(draws, kind)("data", "x", (4, 3), *more))
        assert torch.equal(epoch_indices(other, 23, 4, "batch"), epoch_indices(draws, 23, 4, "batch"))


def test_the_clock_follows_the_step_inside_a_recorded_computation() -> None:
    """The very tensors that a graph would hold give the next step's draws."""
    draws = CounterDraws((3,), "t", lookahead=1)
    with draws.clocked():
        recorded = draws.step
    draws.step = 9
    assert int(recorded) == 9 and draws.step == 9


def test_orders_kept_from_before_are_not_recorded() -> None:
    """A graph that read a kept order would hold memory that is given away when the order is dropped."""
    draws = CounterDraws((3,), "t", lookahead=1)
    kept = draws.permutation("data", "x", 7, 0)
    with draws.clocked():
        recorded = draws.permutation("data", "x", 7, 0)
    assert torch.equal(recorded, kept) and recorded.data_ptr() != kept.data_ptr()


def test_schedules_take_a_step_on_the_device() -> None:
    """As tensors that a graph would hold: nothing is read on the host."""
    rate = OptimizerParams(lr=0.5, decay={"factor": 0.5, "every_steps": 10})
    noise = NoiseParams(where="input", std=2.0, anneal_steps=20)
    for step in (0, 9, 10, 25):
        clock = torch.tensor(step)
        with NoHost():
            lr, std = rate.lr_at(clock), noise.std_at(clock)
        assert float(lr) == rate.lr_at(step)
        assert float(std) == pytest.approx(noise.std_at(step))


@pytest.mark.parametrize("rule", ["adam", "rmsprop", "sgd"])
def test_a_decayed_rate_rounds_alike_with_and_without_a_graph(rule: str, monkeypatch) -> None:
    monkeypatch.setattr(arrays, "on_host", lambda x: False)  # as on CUDA
    params = OptimizerParams(name=rule, lr=0.03, decay={"factor": 0.7, "every_steps": 2})
    ends = []
    for kind in (int, torch.tensor):
        weight = torch.nn.Parameter(torch.linspace(-1, 2, 40).view(2, 20))
        optimizer = SeedOptimizer([weight], params, torch.ones(2, dtype=torch.bool))
        for k in range(9):
            optimizer.step((weight - 0.3).pow(4).sum(1), kind(k))
        ends.append(weight.detach())
    assert torch.equal(*ends)


def test_annealed_noise_rounds_alike_with_and_without_a_graph(monkeypatch) -> None:
    monkeypatch.setattr(arrays, "on_host", lambda x: False)  # as on CUDA
    params, x = NoiseParams(where="input", std=0.7, anneal_steps=7), torch.zeros(2, 5, 3)
    draws = CounterDraws((0, 1), "t", lookahead=1)
    for draws.step in range(7):
        eager = add_noise(x, params, draws, "real")
        with draws.clocked():
            assert torch.equal(add_noise(x, params, draws, "real"), eager)


def test_a_step_becomes_a_number_of_the_device() -> None:
    step = step_on(2**33 + 7, torch.empty(1, device="meta"))
    assert (step.device.type, step.dtype, step.shape) == ("meta", torch.int64, ())
    assert step_on(7, torch.empty(1)) == 7


@pytest.mark.parametrize("cell", RESIDENT, ids=name_of)
def test_updates_on_resident_data_can_be_captured(cell: Cell, monkeypatch) -> None:
    """By the clock, nothing read on the host, equal to steps by numbers."""
    monkeypatch.setattr(optim, "all_known", lambda flags: False)  # as on CUDA
    trial, states = Trial(TREE, cell), []
    for captured in (False, True):
        method, source, draws = (
            trial.build(),
            trial.task.source(torch.device("cpu")),
            CounterDraws((0, 1), cell.task, lookahead=1),
        )
        for draws.step in range(3):
            if captured and draws.step:  # the optimisers' moments are made in the warm-up
                with draws.clocked(), NoHost():
                    method.update(source, draws)
            else:
                method.update(source, draws)
        states.append(method.state_dict())
    # torch rounds some products differently under a dispatch mode; a draw of another step is off by more than 1e-2.
    assert (
        max(distance(a, b) for a, b in zip(*(state.values() for state in states)) if a.is_floating_point()) <= TOLERANCE
    )


class Gone:
    """Environments whose rollout is one that was made before, so that all of an update but the simulator is met."""

    def __init__(self, source, draws, horizon, size):
        self.source = source
        noise = draws.normal("latent", "policy", (horizon, 3, size))
        self.rollout_of = functools.cache(
            lambda n: source.rollout(lambda o, t: noise[:, t, :1].expand(-1, n, -1), draws, n)
        )

    def rollout(self, act, draws, n_envs, name="rollout", stream="env"):
        found = self.rollout_of(n_envs)
        act(found.observations[:, 0], 0)
        return found

    def demonstrations(self):
        return self.source.demonstrations()


@pytest.mark.parametrize("cell", ACTING, ids=name_of)
def test_updates_of_what_acts_look_seldom(cell: Cell, monkeypatch) -> None:
    """On a GPU each look waits: none in a step of PPO or of a discriminator, a few in an update of TRPO."""
    for module in (optim, trpo):
        monkeypatch.setattr(module, "all_known", lambda flags: False)  # as on CUDA
    trial = Trial(TREE, cell)
    method, draws, spec = trial.build(), CounterDraws((0, 1), cell.task, lookahead=1), trial.task.spec
    source = Gone(trial.task.source(torch.device("cpu")), draws, spec.horizon, spec.action_size)
    learner = getattr(method, "learner", None)
    by_trpo = learner is not None and learner.params.kind == "trpo"
    linear = learner is not None and learner.params.value.kind == "linear"
    allowed = by_trpo * SEARCH + linear * FIT + (getattr(method, "replay", None) is not None) * HELD
    method.update(source, draws)
    draws.step = 1
    if getattr(method, "replay", None) is not None:
        method.replay.held.fill_(method.replay.params.paths)  # full, so that paths leave
    with NoHost(allowed):
        method.update(source, draws)


def test_on_the_cpu_updates_run_as_written() -> None:
    class Method:
        alive = torch.ones(1, dtype=torch.bool)

        def update(self, source, draws):
            return {"step": torch.tensor([float(draws.step)])}

    step = Step(Method(), None, CounterDraws((0,), "t"))
    assert [float(step(k)["step"]) for k in range(5)] == [0, 1, 2, 3, 4] and step.mode == "eager"


def test_logs_that_a_replay_writes_in_place_are_summed_apart() -> None:
    class Method:
        alive = torch.ones(2, dtype=torch.bool)

    run, static = Run(), torch.zeros(2, dtype=torch.float64)
    for k in range(4):
        static.fill_(k)
        run.step = k + 1
        _log_step(run, {"loss": static}, Method(), Schedule(4, 1, 1))
    assert run.curves[0][1]["loss"].tolist() == [1.5, 1.5] and float(static[0]) == 3
