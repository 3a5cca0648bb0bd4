"""Characters that follow a clip: how long and how closely, and our curves beside the paper's, in its own unit."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from harness.report.figures import motions, published, style
from harness.report.figures.style import Style, theme
from harness.report.records.frame import CellFrame

LOOKS = {name: Style(name.upper(), "#000000", "-", "o") for name in ("vail", "gail", "bc")}
LABELS = {"time": "time until the fall (s)", "error_alive": "error until the fall (rad)", "error": "error (rad)"}
BLOCKS = {m: {"label": label, "higher_is_better": m == "time", "headline": m == "error"} for m, label in LABELS.items()}
SEEDS, STEPS = [0, 1, 2], [10, 20]


def cell(name, time, alive, metrics=tuple(LABELS), **params):
    record = {"seeds": SEEDS, "metrics": {metric: {} for metric in metrics}, "params": params}
    made = CellFrame("t", name, name, name, record=record)
    ends = {"time": time, "error_alive": alive, "error": 3.0}
    made.__dict__["scores"] = pd.DataFrame([
        {"seed": seed, "step": step, "metric": metric, "value": float(ends[metric]) + seed - 1 + (step == 20)}
        for metric in metrics
        for step in STEPS
        for seed in SEEDS
    ])
    return made


def frame(*cells):
    references = {"time": {"no action": 1.5}, "error_alive": {"no action": 0.4}}
    return SimpleNamespace(
        name="t", title="T", cells=cells, metrics=BLOCKS, references=lambda metric: references.get(metric, {})
    )


def drawn(monkeypatch, module, *arguments):
    figures = []

    def svg(fig):
        figures.append(fig)
        style._canvas.cache_clear()  # so that the next figure leaves this one as it is
        return b""

    monkeypatch.setattr(module, "svg", svg)
    with theme():
        return module.draw(*arguments), [ax for fig in figures for ax in fig.axes]


def test_a_panel_for_how_long_and_one_for_how_closely(monkeypatch):
    (plot,), (long, close) = drawn(monkeypatch, motions, frame(cell("vail", 9, 0.3), cell("gail", 2, 0.2)), LOOKS)
    assert [tuple(line.get_ydata()) for line in long.lines if len(line.get_xdata()) == 2][:2] == [(9, 10), (2, 3)]
    assert next(tuple(line.get_ydata()) for line in close.lines) == (0.3, 1.3)
    assert long.lines[-1].get_ydata()[0] == 1.5 and close.lines[-1].get_ydata()[0] == 0.4
    assert "from VAIL, 10 s at the end, to GAIL, 3 s" in plot.alt and "Dashed: no action." in plot.caption


def test_many_methods_have_a_panel_each_in_two_figures(monkeypatch):
    many = {f"m{k}": Style(f"M{k}", "#000000", "-", "o") for k in range(6)}
    plots, axes = drawn(monkeypatch, motions, frame(*(cell(name, 9, 0.3) for name in many)), many)
    assert [plot.name for plot in plots] == ["t-motion-time", "t-motion-error_alive"]
    shown = [ax for ax in axes if ax.get_visible()]
    assert [ax.get_title(loc="left") or ax.get_title() for ax in shown] == [f"M{k}" for k in range(6)] * 2
    assert {ax.lines[-1].get_ydata()[0] for ax in shown[:6]} == {1.5}, "no action lives that long"
    assert "Only the steps before a fall count." in plots[1].caption and "before a fall" not in plots[0].caption


def test_other_tasks_and_single_points_have_none():
    assert motions.draw(frame(cell("bc", 9, 0.3, metrics=("error",))), LOOKS) == []
    assert motions.draw(frame(CellFrame("t", "vail", "vail", "vail")), LOOKS) == []
    once = cell("vail", 9, 0.3)
    once.__dict__["scores"] = once.scores[once.scores.step == 20]
    assert motions.draw(frame(once), LOOKS) == []


def test_the_published_curve_is_dotted_at_its_control_steps(monkeypatch):
    """64 worlds of 32 steps: a training step is 2,048 control steps."""
    params = {"task": {"horizon": 32}, "method": {"learner": {"n_envs": 64}}}
    vail = cell("vail", 9, 0.3, **params)
    declared = {"task": "Spinkick", "metric": "error", "names": {"vail": "VAIL", "gail": "GAIL"}}
    plot, (ax,) = drawn(monkeypatch, published, frame(vail), LOOKS, declared)
    ours, theirs = ax.lines[:2]
    assert np.array_equal(ours.get_xdata(), [10 * 2048, 20 * 2048])
    assert theirs.get_linestyle() == ":" and tuple(theirs.get_ydata()) == (0.75, 0.4, 0.35, 0.35)
    assert theirs.get_xdata()[-1] == 1.5e8 and ax.get_xlabel() == "control steps"
    assert "Fig. 4, read by eye to an accuracy of about 0.15" in plot.caption
    assert published.draw(frame(vail), LOOKS, declared | {"task": "Cartwheel"}) is None, "no curve of it was printed"
