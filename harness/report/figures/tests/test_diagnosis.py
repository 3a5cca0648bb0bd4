"""Each run of a discriminator by its own line, in panels for the logs that it has and that move."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from harness.report.figures import diagnosis
from harness.report.figures.style import Style, theme
from harness.report.records.frame import CellFrame

LOOKS = {name: Style(name.upper(), "#000000", "-", "o") for name in ("gail", "bc")}
SEEDS = [3, 4, 7]


def cell(name, **logs):
    made = CellFrame("t", name, name, name, record={"seeds": SEEDS})
    steps = np.arange(1, 201)
    rows = [pd.DataFrame({"seed": s, "step": steps} | {log: f(s, steps) for log, f in logs.items()}) for s in SEEDS]
    made.__dict__["curves"] = pd.concat(rows)
    return made


GAIL = cell(
    "gail",
    accuracy=lambda s, t: 0.5 + t / 400 + s / 100,
    kl=lambda s, t: np.full(len(t), 0.5),
    grad_policy=lambda s, t: np.where(t == 50, 1e4, 1.0 + t),
    return_=lambda s, t: t,
)
GAN = cell("gail", accuracy=lambda s, t: 0.5 + t / 400, grad_generator=lambda s, t: 1.0 + t)
BC = cell("bc", loss=lambda s, t: 1 / t)


def draw(*cells):
    with theme():
        return diagnosis.draw(SimpleNamespace(name="t", title="T", cells=cells), LOOKS)


def test_one_figure_for_the_page_of_each_method_with_a_discriminator():
    (plot,) = draw(GAIL, BC)
    assert plot.name == "t-diagnosis-gail" and plot.method == "gail" and "GAIL" in plot.title
    assert "accuracy, discriminator 1.04" in plot.alt, "median over the runs at the last step"
    assert draw(GAN) == [], "a discriminator without a policy has its logs in the task's own figure"


def test_a_run_whose_logs_do_not_move_has_no_figure():
    still = {log: lambda s, t: np.full(len(t), 0.5) for log in diagnosis.LOGS}
    assert draw(cell("gail", **still)) == [] and len(draw(cell("gail", **still), GAIL)) == 1


def test_a_line_for_each_run_in_a_panel_for_each_log_that_moves(monkeypatch):
    drawn = []
    monkeypatch.setattr(diagnosis, "svg", lambda fig: drawn.append(fig) or b"")
    draw(GAIL)
    axes = [ax for ax in drawn[0].axes if ax.get_visible()]
    assert [ax.get_title(loc="left") or ax.get_title() for ax in axes] == [
        "accuracy, discriminator",
        "gradient, policy",
    ]
    accuracy, gradient = axes
    runs = [line for line in accuracy.lines if len(line.get_xdata()) > 2]
    assert len(runs) == len(SEEDS) and len({str(run.get_color()) for run in runs}) == 3
    for line, seed in zip(runs, SEEDS):
        x, y = line.get_data()
        assert len(x) == diagnosis.POINTS // 3 and x[0] == 1 and x[-1] == 200
        np.testing.assert_allclose(y, 0.5 + np.asarray(x) / 400 + seed / 100)
    assert gradient.get_yscale() == "log"
