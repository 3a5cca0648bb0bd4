"""A cell whose seeds all died has panels without a value: it is left out of a figure, and the figure comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from harness.report.figures import figures
from harness.report.figures.style import Style
from harness.report.records import gaussians


def frame(panel: str, **values: float | None) -> Any:
    """A task of cells with these values, the same at every x."""
    cells = [
        SimpleNamespace(
            name=name,
            panels=pd.DataFrame({
                "seed": [0, 0, 1, 1],
                "panel": panel,
                "x": [0.0, 1.0] * 2,
                "y": pd.Series([value] * 4, dtype=float),
            }),
        )
        for name, value in values.items()
    ]
    return SimpleNamespace(name="pair", title="Pair", cells=cells, metrics={})


def test_of_the_gaussians() -> None:
    assert gaussians.curves(frame(gaussians.PANEL, dead=None)) == {}
    found = gaussians.curves(frame(gaussians.PANEL, dead=None, alive=0.5))
    assert list(found) == ["alive"] and found["alive"].middle.tolist() == [0.5, 0.5]


def test_of_any_panel() -> None:
    looks = {name: Style(name, "C0", "-", "o") for name in ("dead", "alive")}
    assert figures.panels(frame("ROC", dead=None), looks) == []
    (plot,) = figures.panels(frame("ROC", dead=None, alive=0.5), looks)
    assert "ROC for 1 methods" in plot.alt
