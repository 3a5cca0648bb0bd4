"""Commands in a private copy: one run at a time, and none that outlives who started it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.run import signals
from harness.run.tests.processes import alive, gone_within
from harness.tests import small
from harness.workspace import copies, presets

CHILD = "import os, time; open('here', 'w').write(str(os.getpid())); time.sleep(60)"


def test_a_command_is_stopped_with_the_one_that_waits_for_it(tmp_path: Path) -> None:
    def stop() -> None:
        while not (tmp_path / "here").exists() or not (tmp_path / "here").read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(signals.Stopped), signals.stop_on_signals():
        copies._run(tmp_path, [sys.executable, "-c", CHILD], "sleep")
    child = int((tmp_path / "here").read_text())
    assert gone_within(1, lambda: alive(child))


def test_a_second_smoke_leaves_the_first_alone(tmp_path: Path) -> None:
    small.write(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/smoke.yaml").write_text("tasks: {pair: {steps: 2}}\n")
    kept = tmp_path / "build/smoke/record.json"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with copies.lock_copy(tmp_path, "smoke"):
        with pytest.raises(BenchError, match="smoke is in use by another run: wait until that has ended"):
            presets.smoke(tmp_path)
        with pytest.raises(BenchError, match="smoke is in use by another run: wait until that has ended"):
            presets.run_preset(tmp_path, "smoke", [], jobs=1)
    assert kept.exists()


def test_a_run_names_its_page_or_the_copy_if_it_ends_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/tiny.yaml").write_text("tasks: {pair: {steps: 2}}\n")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    page = tmp_path / "build/tiny/reports/tiny/index.html"

    def repro(copy: Path, *args: str) -> None:
        if args == ("repro",):
            page.parent.mkdir(parents=True)
            page.touch()

    monkeypatch.setattr(presets, "bench_in", lambda *args: None)
    monkeypatch.setattr(presets, "dvc_in", repro)
    assert presets.run_preset(tmp_path, "tiny", ["keys"]) == tmp_path / "build/tiny"
    assert presets.run_preset(tmp_path, "tiny", []) == page


def test_a_timeout_without_jobs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="--timeout only works without DVC: use it with --jobs"):
        presets.run_preset(tmp_path, "any", [], timeout=5)
