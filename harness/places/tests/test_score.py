"""Scores enter a record as numbers: what is not finite becomes the floor, and a floor must be a number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.contracts import Score
from harness.errors import BenchError
from harness.places.score import _add_scores
from harness.run.train import Run


def added(values: list[float], floor: float, died: dict[int, int]) -> list[float]:
    record: Any = SimpleNamespace(scores=[])
    cell: Any = SimpleNamespace(task="pair", name="gan")
    _add_scores(record, cell, (3, 4, 5), 20, {"error": Score(np.array(values), False, floor, "error")}, Run(died=died))
    return [value for *_, value in record.scores]


def test_a_seed_that_failed_gets_the_floor() -> None:
    assert added([0.1, np.nan, 0.3], 1.0, {0: 20}) == [1.0, 1.0, 0.3]


def test_a_floor_that_is_no_number_names_its_metric() -> None:
    with pytest.raises(BenchError, match="the metric error has the floor nan: return the finite score"):
        added([0.1, 0.2, 0.3], np.nan, {})
