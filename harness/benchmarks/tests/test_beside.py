"""The peer gets as many cores as ours, in the way that is the fastest for it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.benchmarks import beside
from harness.benchmarks.record import Options
from harness.registry import ROOT

STEPS = 1000


@pytest.mark.parametrize("seconds, fastest", [(1.0, 2000.0), (1.9, 1500.0)])
def test_two_cores_are_compared_with_two_cores(seconds: float, fastest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed takes 1 s on a core and 2/3 s on both; two at once take `seconds`."""

    def run(per_second: float) -> dict[str, Any]:
        return {"seconds": STEPS / per_second, "per_second": per_second}

    monkeypatch.setattr(beside, "_peer", lambda options, work, seed, cores=1: run(1000.0 if cores == 1 else 1500.0))
    monkeypatch.setattr(
        beside, "at_once", lambda of, parts: [{"seconds": seconds - 0.1 * k} for k in range(len(parts))]
    )
    monkeypatch.setattr(beside, "ours", lambda work, seeds: run(3000.0))
    monkeypatch.setattr(beside, "_blocks", lambda work, seeds: 6000.0)
    monkeypatch.setattr(beside, "_ceiling", lambda work: 9000.0)
    monkeypatch.setattr(beside.peers, "version", lambda *_: {"name": "peer", "version": "1"})
    (made,) = beside.measure(Options(ROOT, pairs=2), beside.Work("ppo", steps=STEPS))
    one, stack, blocks = made["rows"]
    assert one["pairs"][0]["theirs"] == stack["pairs"][0]["theirs"] == 1000.0
    assert blocks["pairs"][0]["theirs"] == pytest.approx(fastest)
    assert blocks["ratio"]["median"] == pytest.approx(6000.0 / fastest)
    assert blocks["against"] == "the peer's fastest way on 2 cores"
