"""Checkpoints: the old file or the new one, whole; damage, foreign runs and locks are told apart."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.contracts import BenchError
from harness.run import checkpoint

NAMES = {"a": 1, "b": [2, 3]}


def test_round_trip(tmp_path):
    state = {"w": torch.randn(2, 3), "nested": {"step": 7, "died": {1: 4}}}
    checkpoint.save(tmp_path / "new" / "c.pt", NAMES, state)
    loaded = checkpoint.load(tmp_path / "new" / "c.pt", NAMES)
    assert torch.equal(loaded["w"], state["w"]) and loaded["nested"] == state["nested"]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["c.pt"]


def test_absent_is_missing(tmp_path):
    with pytest.raises(checkpoint.Refused, match="c.pt is missing"):
        checkpoint.load(tmp_path / "c.pt", NAMES)


def test_every_flipped_bit_and_every_truncation_is_refused(tmp_path):
    path, draw = tmp_path / "c.pt", random.Random(0)
    checkpoint.save(path, NAMES, {"w": torch.randn(50), "step": 3})
    whole = path.read_bytes()
    places = [*range(checkpoint.HEADER + 4), *draw.sample(range(len(whole)), 60)]
    broken = [whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :] for at in places]
    broken += [whole[:at] for at in (0, 1, 8, 39, 40, 41, len(whole) - 1, *draw.sample(range(len(whole)), 20))]
    broken += [whole + b"\0", bytes(len(whole)), whole[: checkpoint.HEADER], whole[checkpoint.HEADER + 1 :]]
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(checkpoint.Refused, match="c.pt is damaged: its digest does not match its content"):
            checkpoint.load(path, NAMES)


def test_a_file_without_a_digest_is_read_if_its_own_sums_hold(tmp_path):
    path = tmp_path / "c.pt"
    torch.save({"identity": NAMES, "state": {"w": torch.arange(50.0)}}, path)
    assert torch.equal(checkpoint.load(path, NAMES)["w"], torch.arange(50.0))
    content = path.read_bytes()
    weights = content.index(torch.arange(50.0).numpy().tobytes())
    path.write_bytes(content[: weights + 9] + bytes([content[weights + 9] ^ 4]) + content[weights + 10 :])
    with pytest.raises(checkpoint.Refused, match="c.pt is damaged"):
        checkpoint.load(path, NAMES)


def test_a_program_in_a_file_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    checkpoint.save(tmp_path / "c.pt", NAMES, {"x": Evil()})
    with pytest.raises(checkpoint.Refused, match="c.pt is not a checkpoint"):
        checkpoint.load(tmp_path / "c.pt", NAMES)
    assert not (tmp_path / "ran").exists()


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "c.pt")
    with pytest.raises(BenchError, match=r"cannot read .*c.pt \(not a regular file\): .* move it away"):
        checkpoint.load(tmp_path / "c.pt", NAMES)


def test_a_folder_in_its_place_is_told(tmp_path):
    (tmp_path / "c.pt").mkdir()
    with pytest.raises(BenchError, match=r"cannot read .*c.pt \(Is a directory\): make it readable or move it away"):
        checkpoint.load(tmp_path / "c.pt", NAMES)


def test_another_run_names_what_differs(tmp_path):
    checkpoint.save(tmp_path / "c.pt", NAMES, {})
    with pytest.raises(checkpoint.Refused, match="c.pt belongs to another run, which differs in b, c$"):
        checkpoint.load(tmp_path / "c.pt", {"a": 1, "b": [2], "c": 0})


def test_a_snapshot_of_another_step_is_refused(tmp_path):
    one, other = (checkpoint.snapshot_path(tmp_path, step) for step in (8, 15))
    checkpoint.save(other, NAMES, {})
    other.rename(one)
    with pytest.raises(checkpoint.Refused, match="snapshot-8.pt is the renamed file snapshot-15 of the same run"):
        checkpoint.load(one, NAMES)


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ({"w": torch.zeros(3)}, r"method/w is \[3\] torch.float32, not \[2, 3\] torch.float32"),
        ({"w": torch.zeros(2, 3, dtype=torch.float64)}, r"method/w is \[2, 3\] torch.float64, not"),
        ({"w": 1.0}, "method/w is float, not"),
        ({}, "method lacks w"),
        ({"w": torch.zeros(2, 3), "v": 0}, "method also has v"),
        ([torch.zeros(2, 3)], "method is list, not dict"),
    ],
)
def test_a_state_of_another_method_names_the_first_difference(tmp_path, method, line):
    like = {"method": {"w": torch.zeros(2, 3)}, "optimizers": {"w": {"state": {}, "param_groups": [{"params": [0]}]}}}
    checkpoint.save(tmp_path / "c.pt", NAMES, like | {"method": method})
    with pytest.raises(checkpoint.Refused, match=f"c.pt does not fit the method: {line}"):
        checkpoint.load(tmp_path / "c.pt", NAMES, like)
    moments = {"w": {"state": {0: {"exp_avg": torch.ones(2, 3)}}, "param_groups": [{"params": [0]}]}}
    checkpoint.save(tmp_path / "c.pt", NAMES, like | {"optimizers": moments})
    assert checkpoint.load(tmp_path / "c.pt", NAMES, like)["optimizers"]["w"]["state"], "what is empty may have grown"
    checkpoint.save(tmp_path / "c.pt", NAMES, like | {"optimizers": {"w": {"state": {}, "param_groups": []}}})
    with pytest.raises(checkpoint.Refused, match="optimizers/w/param_groups has 0 entries, not 1"):
        checkpoint.load(tmp_path / "c.pt", NAMES, like)


def test_a_second_process_is_told_to_wait(tmp_path):
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
        " print('held', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BenchError, match="in use by another run: wait"), checkpoint.lock_folder(tmp_path):
            pytest.fail("the lock was given twice")
    finally:
        holder.communicate()
    with checkpoint.lock_folder(tmp_path):  # a dead process holds nothing
        assert (tmp_path / "lock").exists()
