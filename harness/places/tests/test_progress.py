"""The line of progress: its pace is that of this run."""

from __future__ import annotations

import time

import pytest

from harness.places.progress import Progress


def test_after_a_resume_the_pace_is_that_of_the_steps_made_here(monkeypatch, capsys: pytest.CaptureFixture) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress("cell", 1000, every_seconds=5.0)
    progress(901, {})
    now[0] = 10.0
    progress(902, {})
    told = "cell: goes on from step 900 of 1000\ncell: step 902/1000  0.2 steps/s  490 s left  \n"
    assert capsys.readouterr().err == told
