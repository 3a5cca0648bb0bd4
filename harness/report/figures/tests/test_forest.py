"""The forest plot: a long label takes more lines, not the room of the axes."""

import re
from types import SimpleNamespace

from harness.report.figures import forest
from harness.report.records.twins import Effect


def effect(task, preset="laptop", low=-0.5, having="VAIL"):
    cells = [SimpleNamespace(title=title, head={"preset": preset}) for title in (having, "GAIL")]
    return Effect(SimpleNamespace(title=task), *cells, low + 0.5, low, low + 1, 10, True)


def width(plot):
    """The share of the figure's width that its axes have."""
    text = plot.svg.decode()
    whole = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
    return float(re.search(r'<clipPath.*?width="([\d.]+)"', text)[1]) / whole


def test_a_long_label_does_not_narrow_the_axes():
    short, long = ([effect("Run"), effect("Run", having=name)] for name in ("VAIL", "VAIL, " + "a setting, " * 12))
    a, b = (forest.draw(found, "forest", "title") for found in (short, long))
    assert width(a) > 0.9 and width(b) == width(a)


def test_tasks_of_one_title_are_told_apart_by_their_preset():
    found = [effect("Run"), effect("Run", having="AIRL"), effect("Run", "far"), effect("Jump", "far")]
    assert forest.labels(found) == [
        "Run: VAIL − GAIL (n\u00a010)",
        "Run: AIRL − GAIL (n\u00a010)",
        "Run, far: VAIL − GAIL (n\u00a010)",
        "Jump: VAIL − GAIL (n\u00a010)",
    ]
