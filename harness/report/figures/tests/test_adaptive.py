"""An adaptive beta beside fixed ones: which lines stand in which panel, and where there is no such figure."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.report.figures import adaptive, figures
from harness.report.figures.style import Style, theme
from harness.report.records.frame import CellFrame, Sweep, TaskFrame

LOOKS = {name: Style(name.upper(), "#000000", "-", "o") for name in ("vail", "gail")}
BLOCK = {"label": "error (rad)", "higher_is_better": False, "headline": True}


def cell(name, value=None, i_c=None, **logs):
    params = {"method": {"bottleneck": {"i_c": i_c}}}
    made = CellFrame(
        "t", name, "vail", name, value, record={"seeds": [0], "metrics": {"error": BLOCK}, "params": params}
    )
    rows = [{"seed": 0, "step": step, "metric": "error", "value": 3.0 - step / 10} for step in (10, 20)]
    made.__dict__["scores"] = pd.DataFrame(rows)
    made.__dict__["curves"] = pd.DataFrame([{"seed": 0, "step": step} | logs for step in (10, 20)])
    return made


@pytest.fixture
def run():
    vail, gail = cell("vail", i_c=0.5, kl=0.5, accuracy=0.8, beta=0.7), cell("gail", accuracy=1.0)
    fixed = [cell(f"vail-beta-{beta}", beta, kl=1.0, accuracy=0.9, beta=beta) for beta in (0.01, 1.0)]
    return TaskFrame(
        "t", "Run", "mocap", {}, "gail", [vail, gail], [Sweep("beta", "b.beta", "vail", "gail", fixed, None)]
    )


def draw(frame, swept, monkeypatch):
    made = []
    monkeypatch.setattr(adaptive, "svg", lambda fig: made.append(fig) or b"")
    with theme():
        return adaptive.draw(frame, swept, LOOKS), [ax for fig in made for ax in fig.axes]


def test_the_method_its_fixed_betas_and_the_reference_in_each_panel_that_they_have(run, monkeypatch):
    plot, (score, kl, accuracy, beta) = draw(run, run.ablations[0], monkeypatch)
    drawn = {ax: {line.get_label(): line.get_ydata()[-1] for line in ax.lines} for ax in (score, kl, accuracy, beta)}
    fixed = {"beta = 0.01", "beta = 1"}
    assert drawn[score].keys() == drawn[accuracy].keys() == {"GAIL", "VAIL, adaptive"} | fixed
    assert drawn[kl].keys() == {"VAIL, adaptive", "I_c = 0.5"} | fixed and drawn[kl]["I_c = 0.5"] == 0.5
    assert drawn[beta] == {"VAIL, adaptive": 0.7, "beta = 0.01": 0.01, "beta = 1": 1.0}
    assert plot.name == "t-adaptive-beta" and "2 fixed values" in plot.alt


def test_none_without_a_budget_a_fixed_beta_or_both_kinds_of_run(run, monkeypatch):
    (swept,) = run.ablations
    for other in (
        replace(swept, key="b.i_c"),
        replace(swept, of="gail"),
        replace(swept, cells=[replace(one, record=None) for one in swept.cells]),
    ):
        assert draw(run, other, monkeypatch)[0] is None


def test_records_without_logs_have_their_scores_alone(run, monkeypatch):
    for one in run.everything:
        one.__dict__["curves"] = None
    _, (score, kl, accuracy, beta) = draw(run, run.ablations[0], monkeypatch)
    assert len(score.lines) == 4 and len(kl.lines) == 1 and not accuracy.lines and not beta.lines


def test_training_logs_show_the_budget_if_there_is_one_alone(run, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "svg", lambda fig: drawn.append(fig) or b"")
    vail = run.cells[0]
    vail.__dict__["curves"] = vail.curves.assign(kl=[1.0, 0.6])
    with theme():
        one = figures.training(run, LOOKS)
        other = cell("gail", i_c=0.1, kl=0.1)
        two = figures.training(replace(run, cells=[vail, other]), LOOKS)
    (ax,) = (ax for ax in drawn[0].axes if ax.get_title() == "KL (nat)" or ax.get_title(loc="left") == "KL (nat)")
    assert ax.lines[-1].get_ydata()[0] == 0.5 and one.caption.endswith("Dashed: I_c, 0.5 nat.")
    assert "Dashed" not in two.caption
