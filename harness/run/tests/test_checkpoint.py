"""Checkpoints: the old file or the new one, whole; damage, foreign runs and locks are told apart."""

import subprocess
import sys

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


def test_absent_is_none(tmp_path):
    assert checkpoint.load(tmp_path / "c.pt", NAMES) is None


@pytest.mark.parametrize("keep", [0, 100, 0.5, -1])
def test_half_a_checkpoint_is_damaged(tmp_path, keep):
    path = tmp_path / "c.pt"
    checkpoint.save(path, NAMES, {"w": torch.zeros(1000)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(BenchError, match="c.pt is damaged: delete that file"):
        checkpoint.load(path, NAMES)


def test_another_run_names_what_differs(tmp_path):
    checkpoint.save(tmp_path / "c.pt", NAMES, {})
    with pytest.raises(BenchError, match="differs in b, c: "):
        checkpoint.load(tmp_path / "c.pt", {"a": 1, "b": [2], "c": 0})


def test_a_second_process_is_told_to_wait(tmp_path):
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BenchError, match="in use by another run: wait"), checkpoint.locked(tmp_path):
            pytest.fail("the lock was given twice")
    finally:
        holder.communicate()
    with checkpoint.locked(tmp_path):  # a dead process holds nothing
        assert (tmp_path / "lock").exists()
