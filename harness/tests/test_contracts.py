"""The contract over everything registered and every method block of params.yaml: a newcomer is tested the day it appears."""

from __future__ import annotations

import copy
import inspect
from types import SimpleNamespace

import pytest
import torch

from harness import registry
from harness.contracts import Method, Settings
from harness.run import checkpoint
from harness.run.params import TaskParams
from harness.run.train import Schedule, snapshot_path, state_hash, train
from harness.tests.cells import CPU, build, draws_of, method_cells, name_of, score, task_of
from harness.tests.same import differences
from harness.tests.stacking import TOLERANCE, largest_difference

SEEDS, STEPS, STOP = (0, 1), 9, 5
IDENTITY = {"name": "contract"}
CELLS = pytest.mark.parametrize("cell", method_cells(), ids=name_of)


class Stopped(Exception):
    pass


def trained(cell, folder, method=None, stop=None, each=lambda method, step: None):
    """STEPS steps with a checkpoint after each, or until `stop`."""
    method = method or build(cell, SEEDS)

    def progress(step, logs):
        each(method, step)
        if step == stop:
            raise Stopped

    schedule = Schedule(STEPS, log_points=3, evaluations=3, checkpoint_seconds=-1.0)
    source, draws = task_of(cell.task).source(CPU), draws_of(cell, SEEDS)
    return train(method, source, draws, schedule, folder, IDENTITY, progress), method


def load(folder, name):
    return checkpoint.load(folder / name, IDENTITY)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Each method's undisturbed run, made once: (folder, run, method)."""
    made = {}

    def get(cell):
        if name_of(cell) not in made:
            folder = tmp_path_factory.mktemp("run")
            made[name_of(cell)] = (folder, *trained(cell, folder))
        return made[name_of(cell)]

    return get


@pytest.mark.parametrize("name", registry.algorithms())
def test_algorithm_files(name):
    module = registry.algorithm(name)
    assert issubclass(module.Params, Settings) and set(module.FAMILIES) <= set(registry.families())
    assert list(inspect.signature(module.build).parameters) == ["params", "spec", "draws", "device"]
    assert name in {cell.algorithm for cell in method_cells()}, "no block of params.yaml tries it"


@pytest.mark.parametrize("name", registry.families())
def test_family_files(name):
    module = registry.family(name)
    assert issubclass(module.Params, TaskParams) and isinstance(module.metrics, tuple)
    assert list(inspect.signature(module.build).parameters) == ["name", "params", "scratch"]


@CELLS
def test_state(cell, reference):
    """Whatever a method remembers has the seeds in front; the optimisers hold every parameter once.

    A policy that TRPO moves has no optimiser, and one that nothing moves is in none either.
    """
    _, _, method = reference(cell)
    assert isinstance(method, Method)
    for name, value in method.state_dict().items():
        assert value.dim() >= 1 and len(value) == len(SEEDS), name
    trainable = {id(p) for name, p in method.named_parameters() if p.requires_grad and not _moved_directly(method, name)}
    optimised = [id(p) for o in method.optimizers().values() for g in o.param_groups for p in g["params"]]
    assert len(optimised) == len(set(optimised)) and set(optimised) == trainable


def _moved_directly(method, name):
    return "policy" in name.split(".") and "policy" not in method.optimizers()


@CELLS
def test_logs_are_one_value_per_seed(cell, reference):
    _, run, method = reference(cell)
    assert [step for step, _ in run.curves] == [3, 6, 9] and method.alive.all()
    for _, logs in run.curves:
        for name, value in logs.items():
            assert value.shape == (len(SEEDS),) and torch.isfinite(value).all() and not value.requires_grad, name


@CELLS
def test_one_seed_equals_the_same_seed_in_a_stack(cell):
    difference, name = largest_difference(cell, seeds=(4,))
    assert difference < TOLERANCE, name


@CELLS
def test_resume_is_bit_equal(cell, reference, tmp_path):
    """Stopped after step 5 and started again: state, moments, hashes, logs and snapshots."""
    folder, _, method = reference(cell)
    with pytest.raises(Stopped):
        trained(cell, tmp_path, stop=STOP)
    _, again = trained(cell, tmp_path)
    assert state_hash(again) == state_hash(method)
    for path in (folder / "checkpoint.pt", *(snapshot_path(folder, step) for step in (3, 6, 9))):
        assert differences(load(tmp_path, path.name), load(folder, path.name)) == []


@CELLS
def test_scoring_moves_no_training_draw_and_no_state(cell, reference, tmp_path):
    """F6: bit-equal with scoring after every step."""
    folder, _, _ = reference(cell)
    draws = draws_of(cell, SEEDS)
    trained(cell, tmp_path, each=lambda method, step: score(cell, method, draws.at(0)))
    assert differences(load(tmp_path, "checkpoint.pt"), load(folder, "checkpoint.pt")) == []


@CELLS
def test_scoring_twice_gives_the_same(cell, reference):
    _, _, method = reference(cell)
    draws = draws_of(cell, SEEDS)
    assert torch.equal(score(cell, method, draws.at(0)), score(cell, method, draws.at(0)))


@CELLS
def test_global_generator_is_neither_read_nor_moved_and_batches_stay_as_they_are(cell, reference, monkeypatch):
    """Three steps under forbidden global draws, in another global state, on batches that are compared after use."""
    def forbidden(*_, **__):
        raise AssertionError("a draw from torch's global generator")

    for name in ("rand", "randn", "randint", "randperm", "bernoulli", "normal", "rand_like", "randn_like", "manual_seed"):
        monkeypatch.setattr(torch, name, forbidden)
    for name in ("normal_", "uniform_", "bernoulli_", "random_"):
        monkeypatch.setattr(torch.Tensor, name, forbidden)
    inner, used = task_of(cell.task).source(CPU), []

    def watched(call):
        def wrapped(*args, **words):
            result = call(*args, **words)
            content = result if isinstance(result, dict) else vars(result)
            used.append((content, copy.deepcopy(content)))
            return result

        return wrapped

    names = [name for name in ("batch", "rollout", "demonstrations") if hasattr(inner, name)]
    source = SimpleNamespace(**{name: watched(getattr(inner, name)) for name in names})

    before = torch.random.get_rng_state()
    method, draws = build(cell, SEEDS), draws_of(cell, SEEDS)
    for draws.step in range(3):
        method.update(source, draws)
    assert torch.equal(torch.random.get_rng_state(), before)
    learns = differences(build(cell, SEEDS).state_dict(), method.state_dict())
    assert len(used) >= 3 or not learns
    for batch, original in used:
        assert differences(batch, original) == []
    folder, _, _ = reference(cell)
    assert differences(method.state_dict(), load(folder, "snapshot-3.pt")["method"]) == []


@CELLS
def test_divergence_marks_that_seed_only(cell, reference, tmp_path):
    """A weight of seed place 1 becomes infinite after step 3: it is dated, the other seed is bit-equal."""
    def break_it(method, step):
        if step == 3:
            next(p for p in method.parameters() if p.requires_grad).data[1] = torch.inf

    _, undisturbed, healthy = reference(cell)
    run, method = trained(cell, tmp_path, each=break_it)
    assert run.died == {1: 4} and method.alive.tolist() == [True, False]
    for name, value in method.state_dict().items():
        assert torch.equal(value[0], healthy.state_dict()[name][0]), name
    for (_, logs), (_, others) in zip(run.curves, undisturbed.curves):
        for name, value in logs.items():
            assert torch.equal(value[0], others[name][0]), name
