"""A process ends with the one that it works for, by way of others too, and whether it wants to or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.registry import ROOT
from harness.run.tests.processes import gone_within, session

CHILD = """
import os, signal, sys, time
from pathlib import Path
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1]).write_text("here")
time.sleep(60)
"""
OWNER = """
import os, subprocess, sys, time
from harness.run import lifeline
command = f"{sys.executable} -m harness.run.lifeline child {sys.argv[1]} {sys.argv[2]}; true"
told = lifeline.owned() if sys.argv[3] == "ours" else {"DVC_STAGE": "train@plain"}
subprocess.Popen(["sh", "-c", command], env=os.environ | told)
time.sleep(60)
"""


@pytest.mark.parametrize(("kind", "owner"), [("willing", "ours"), ("deaf", "ours"), ("willing", "DVC")])
def test_a_command_follows_its_owner_by_way_of_a_shell(kind: str, owner: str, tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-c", OWNER, str(tmp_path / "here"), kind, owner]
    with subprocess.Popen(command, env=paths, start_new_session=True) as started:
        while not (tmp_path / "here").exists():
            time.sleep(0.02)
            assert started.poll() is None
        assert len(session(started.pid)) == 3
        started.kill()
        assert gone_within(5, lambda: session(started.pid))


def test_a_command_whose_owner_has_ended_before_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "HARNESS_OWNER": str(gone.pid)}
    command = [sys.executable, "-m", "harness.run.lifeline", "child", str(tmp_path / "here"), "willing"]
    assert subprocess.run(command, env=paths, check=False, timeout=10).returncode == -signal.SIGTERM
