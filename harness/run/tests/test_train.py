"""The loop with a toy method: schedule, logs, deaths, and resume bit for bit."""

import errno
import os
import time

import pytest
import torch

from harness.contracts import BenchError, Method
from harness.run import checkpoint
from harness.run.seeds import CounterDraws
from harness.run.train import Run, Schedule, _on_device, state_hash, train

SEEDS, STEPS = (3, 4), 23


class Walk(Method):
    """Adam follows a random target; seed place 1 dies at step `dies`."""

    def __init__(self, dies=None):
        super().__init__(2)
        self.w = torch.nn.Parameter(torch.zeros(2, 3))
        self.optimizer = torch.optim.Adam([self.w], 0.1)
        self.dies = dies

    def update(self, source, draws):
        target = draws.normal("data", "target", (3,))
        loss = (self.w - target).square().sum(1)
        self.optimizer.zero_grad()
        loss.sum().backward()
        self.optimizer.step()
        if draws.step + 1 == self.dies:
            self.alive[1] = False
        return {"loss": loss.detach()}

    def optimizers(self):
        return {"w": self.optimizer}


class Killed(Exception):
    pass


class Belt:
    """A source that remembers: each step moves it on by what the method's weights say."""

    def __init__(self):
        self.place = torch.zeros(2)

    def state_dict(self):
        return {"place": self.place.clone()}

    def load_state_dict(self, state):
        self.place = state["place"].clone()


class Rider(Walk):
    def update(self, source, draws):
        logs = super().update(source, draws)
        source.place += self.w.detach().sum(1)
        return logs | {"place": source.place.clone()}


def run(folder, method=None, schedule=None, stop=None, identity=None, source=None):
    def progress(step, logs):
        if step == stop:
            raise Killed

    method = method or Walk()
    schedule = schedule or Schedule(STEPS, 5, 3, checkpoint_seconds=-1.0)  # a checkpoint after every step
    draws = CounterDraws(SEEDS, "1/toy")
    return train(method, source, draws, schedule, folder, identity or {"name": "toy"}, progress), method


def test_schedule():
    schedule = Schedule(steps=3000, log_points=50, evaluations=6)
    assert schedule.evaluated() == [500, 1000, 1500, 2000, 2500, 3000]
    assert [s for s in range(1, 3001) if schedule.logged(s)] == list(range(60, 3001, 60))
    assert Schedule(2, 50, 6).evaluated() == [1, 2] and Schedule(7, 3, 1).logged(7)


def test_logs_are_means_since_the_last_point(tmp_path):
    result, _ = run(tmp_path)
    losses = []
    method, draws = Walk(), CounterDraws(SEEDS, "1/toy")
    for draws.step in range(STEPS):
        losses.append(method.update(None, draws)["loss"].double())
    assert [step for step, _ in result.curves] == [4, 8, 12, 16, 20, 23]
    torch.testing.assert_close(result.curves[1][1]["loss"], torch.stack(losses[4:8]).mean(0))
    torch.testing.assert_close(result.curves[-1][1]["loss"], torch.stack(losses[20:]).mean(0))


@pytest.mark.parametrize("stop", [1, 6, 8, 17, 22])
def test_resume_is_bit_equal(tmp_path, stop):
    whole, method = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "cut", stop=stop)
    resumed, again = run(tmp_path / "cut")
    assert state_hash(again) == state_hash(method)
    assert resumed.hashes == whole.hashes and set(whole.hashes) == {1, 10}
    assert [s for s, _ in resumed.curves] == [s for s, _ in whole.curves]
    for (_, a), (_, b) in zip(resumed.curves, whole.curves):
        assert torch.equal(a["loss"], b["loss"])
    for step in (8, 15, 23):
        states = [
            checkpoint.load(checkpoint.snapshot_path(tmp_path / f, step), {"name": "toy"}) for f in ("whole", "cut")
        ]
        assert torch.equal(states[0]["method"]["w"], states[1]["method"]["w"])


def test_the_time_of_a_core_adds_up_over_stops_and_leaves_out_what_others_take(tmp_path):
    class Waiting(Walk):
        def update(self, source, draws):
            time.sleep(0.002)  # as if another job had the core
            return super().update(source, draws)

    with pytest.raises(Killed):
        run(tmp_path, Waiting(), stop=9)
    cut = checkpoint.load(tmp_path / "checkpoint.pt", {"name": "toy"})["run"]
    whole, _ = run(tmp_path, Waiting())
    assert 0 < cut["cpu_seconds"] < whole.cpu_seconds < whole.seconds - STEPS * 0.002 + 0.01
    assert cut["seconds"] < whole.seconds


@pytest.mark.parametrize(
    "logs, told",
    [
        (None, "Odd.update returns None: return a dict"),
        ([1.0], "Odd.update returns a list: return a dict"),
        ({"loss": 0.5}, r"Odd.update returns a float as 'loss': return a tensor \[\d+\], one per seed"),
        ({"loss": torch.zeros(7, 2)}, r"Odd.update returns a tensor \[7, 2\] as 'loss'"),
    ],
)
def test_logs_that_cannot_be_recorded_are_named_at_once(tmp_path, logs, told):
    class Odd(Walk):
        def update(self, source, draws):
            return logs

    with pytest.raises(BenchError, match=told):
        run(tmp_path, Odd())


def test_optimiser_moments_are_part_of_the_checkpoint(tmp_path):
    run(tmp_path)
    moments = checkpoint.load(tmp_path / "checkpoint.pt", {"name": "toy"})["optimizers"]["w"]["state"][0]
    assert moments["step"] == STEPS and moments["exp_avg"].abs().min() > 0


class ByRmsprop(Walk):
    """Counts of steps lie on the device where a step is `capturable`, and on the CPU otherwise."""

    def __init__(self, device="cpu", capturable=False):
        super().__init__()
        self.w = torch.nn.Parameter(self.w.detach().to(device))
        self.optimizer = torch.optim.RMSprop([self.w], 0.1, capturable=capturable)


def test_a_run_of_a_gpu_goes_on_on_the_cpu(tmp_path):
    _, straight = run(tmp_path / "whole", ByRmsprop())
    with pytest.raises(Killed):
        run(tmp_path / "cut", ByRmsprop(), stop=9)
    path, who = tmp_path / "cut/checkpoint.pt", {"name": "toy"}
    state = checkpoint.load(path, who)
    state["optimizers"]["w"]["param_groups"][0]["capturable"] = True  # as a GPU leaves it
    checkpoint.save(path, who, state)
    _, resumed = run(tmp_path / "cut", ByRmsprop())
    assert state_hash(resumed) == state_hash(straight)


def test_a_run_of_the_cpu_goes_on_on_a_gpu(tmp_path):
    _, method = run(tmp_path, ByRmsprop())
    there = ByRmsprop("meta", capturable=True).optimizer  # in the place of a GPU, which has no numbers to look at
    there.load_state_dict(_on_device(method.optimizer.state_dict(), there))
    assert there.param_groups[0]["capturable"] and there.state[there.param_groups[0]["params"][0]]["step"].is_meta


def test_a_finished_run_does_nothing(tmp_path):
    _, method = run(tmp_path)
    again = Walk()
    again.update = lambda *_: pytest.fail("a step was taken")
    run(tmp_path, again)
    assert state_hash(again) == state_hash(method)


def test_a_death_is_dated_once_and_survives_a_restart(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, Walk(dies=7), stop=15)
    result, method = run(tmp_path, Walk(dies=7))
    assert result.died == {1: 7} and method.alive.tolist() == [True, False]


def test_checkpoint_of_other_parameters_names_the_keys_and_is_kept(tmp_path, capsys):
    other = {"name": "toy", "method.lr": 0.1, "method.latent": 8}
    run(tmp_path, identity=other)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    _, method = run(tmp_path, identity={"name": "toy", "method.lr": 0.2})
    (line,) = capsys.readouterr().out.splitlines()
    assert "checkpoint.pt belongs to another run, which differs in method.latent, method.lr; " in line
    assert line.endswith(": training continues from the start; the rejected files are kept as *.refused.pt")
    assert (tmp_path / "checkpoint.refused.pt").read_bytes() == whole
    assert state_hash(method) == state_hash(run(tmp_path / "new")[1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("damage", [flip, cut])
@pytest.mark.parametrize(
    ("names", "place"),
    [
        (["checkpoint.pt"], "step 16"),
        (["checkpoint.previous.pt"], None),
        (["checkpoint.pt", "checkpoint.previous.pt"], "the start"),
        (["snapshot-8.pt"], "the start"),
    ],
)
def test_what_is_damaged_is_refused_and_the_run_ends_bit_equal(tmp_path, capsys, damage, names, place):
    _, method = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "cut", stop=17)
    for name in names:
        damage(tmp_path / "cut" / name)
    capsys.readouterr()
    _, again = run(tmp_path / "cut")
    told = capsys.readouterr().out.splitlines()
    assert len(told) == (place is not None)
    assert all(f"{tmp_path / 'cut' / name} is damaged" in line for name in names for line in told)
    assert all(f": training continues from {place}; " in line for line in told)
    assert state_hash(again) == state_hash(method)
    for step in (8, 15, 23):
        states = [
            checkpoint.load(checkpoint.snapshot_path(tmp_path / f, step), {"name": "toy"}) for f in ("whole", "cut")
        ]
        assert torch.equal(states[0]["method"]["w"], states[1]["method"]["w"])


def test_a_lost_last_snapshot_is_made_again_from_the_checkpoint_before(tmp_path, capsys):
    _, method = run(tmp_path)
    (tmp_path / "snapshot-23.pt").unlink()
    _, again = run(tmp_path)
    assert "snapshot-23.pt is missing: training continues from step 22; " in capsys.readouterr().out
    assert state_hash(again) == state_hash(method)
    assert torch.equal(checkpoint.load(tmp_path / "snapshot-23.pt", {"name": "toy"})["method"]["w"], method.w)


def test_killed_between_the_two_renames_the_run_goes_on_from_the_checkpoint_before(tmp_path, capsys):
    _, method = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "cut", stop=17)
    (tmp_path / "cut/checkpoint.pt").unlink()
    steps = []
    again = Walk()
    update = again.update
    again.update = lambda source, draws: (steps.append(draws.step), update(source, draws))[1]
    run(tmp_path / "cut", again)
    assert steps[0] == 16 and state_hash(again) == state_hash(method) and not capsys.readouterr().out


def test_files_of_two_runs_that_changed_places_are_refused(tmp_path, capsys):
    names = [{"name": "toy", "seeds": [k]} for k in (0, 1)]
    for k in (0, 1):
        run(tmp_path / str(k), identity=names[k])
    for name in ("checkpoint.pt", "snapshot-8.pt"):
        (tmp_path / "0" / name).rename(tmp_path / "aside")
        (tmp_path / "1" / name).rename(tmp_path / "0" / name)
        (tmp_path / "aside").rename(tmp_path / "1" / name)
    run(tmp_path / "0", identity=names[0])
    assert capsys.readouterr().out.count("belongs to another run, which differs in seeds") == 2
    for name in ("checkpoint.pt", "snapshot-8.pt"):
        checkpoint.load(tmp_path / "0" / name, names[0])


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_full_disk_leaves_both_checkpoints_and_the_run_goes_on_bit_equal(tmp_path, monkeypatch, moment):
    _, method = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "cut", stop=17)
    before = {path.name: path.read_bytes() for path in (tmp_path / "cut").iterdir()}
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(os, moment, full)
        with pytest.raises(BenchError, match="cannot write .*checkpoint.pt: the disk is full: free some space"):
            run(tmp_path / "cut")
    assert {path.name: path.read_bytes() for path in (tmp_path / "cut").iterdir()} == before
    assert state_hash(run(tmp_path / "cut")[1]) == state_hash(method)


def test_state_hash_sees_every_bit():
    method = Walk()
    before = state_hash(method)
    method.w.data[1, 2] = torch.nextafter(method.w.data[1, 2], torch.tensor(1.0))
    assert state_hash(method) != before and Run().step == 0


def test_what_a_source_remembers_is_resumed(tmp_path):
    whole, _ = run(tmp_path / "whole", Rider(), source=Belt())
    with pytest.raises(Killed):
        run(tmp_path / "cut", Rider(), stop=11, source=Belt())
    resumed, _ = run(tmp_path / "cut", Rider(), source=Belt())
    assert torch.equal(resumed.curves[-1][1]["place"], whole.curves[-1][1]["place"])
    assert whole.curves[-1][1]["place"].abs().min() > 0


def test_a_run_that_is_told_to_stop_does_so_at_a_checkpoint_and_goes_on_with_the_same_bits(tmp_path):
    def to(folder, **more):
        method = Walk()
        run = train(
            method,
            None,
            CounterDraws(SEEDS, "test"),
            Schedule(STEPS, 5, 2),
            tmp_path / folder,
            {"name": "walk"},
            **more,
        )
        return run, state_hash(method)

    steps = []
    while not steps or steps[-1] < STEPS:
        run, found = to("short", stop=lambda: True)
        steps.append(run.step)
    assert steps == list(range(1, STEPS + 1))
    assert found == to("whole")[1]
