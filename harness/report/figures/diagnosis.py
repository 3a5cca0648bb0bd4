"""Draw what happened inside each run of a control method: one panel for each log, with a line for each run.

A discriminator that is always right, a reward without spread, an entropy of 0 or an exploding gradient each explain
why a method did not learn; means over seeds would hide them.
"""

from __future__ import annotations

import numpy as np

from harness.report.figures.lines import even
from harness.report.figures.style import REFERENCE, WIDTH, Plot, Style, dwarfed, panels, shades, stretch, svg
from harness.report.records.frame import CellFrame, TaskFrame

TOLD_BY = {"accuracy", "grad_policy"}  # logs of a method in which a discriminator rewards a policy
LOGS = {
    "accuracy": "accuracy, discriminator",
    "kl": "KL of the code (nat)",
    "beta": "beta",
    "reward_mean": "learnt reward, mean",
    "reward_std": "learnt reward, spread",
    "entropy": "entropy, policy (nat)",
    "kl_policy": "KL, policy step (nat)",
    "explained_variance": "explained variance",
    "grad_critic": "gradient, discriminator",
    "grad_policy": "gradient, policy",
}
COLUMNS = 5
POINTS = 200  # of all lines of a panel together, so that many seeds take no more bytes than few


def draw(frame: TaskFrame, looks: dict[str, Style]) -> list[Plot]:
    """Draw a figure for each method that logs its discriminator."""
    told = [cell for cell in frame.cells if cell.curves is not None and {*cell.curves} >= TOLD_BY]
    return [_of(frame, cell, looks[cell.name]) for cell in told if _moving(cell)]


def _moving(cell: CellFrame) -> list[str]:
    """Return the logs that have more than one value: a run of one logged step has none."""
    logs = cell.curves
    return [] if logs is None else [log for log in LOGS if log in logs and logs[log].nunique() > 1]


def _of(frame: TaskFrame, cell: CellFrame, look: Style) -> Plot:
    logs, shown = cell.curves, _moving(cell)
    assert logs is not None, f"{cell} has no logs"
    rows = -(-len(shown) // COLUMNS)
    fig, axes = panels(
        (WIDTH, 1.55 * rows + 0.25), (rows, COLUMNS), (0.45, 0.08, 0.45, 0.22), (0.45, 0.38), sharex=True
    )
    runs = [logs[logs.seed == seed] for seed in cell.seeds]
    colours = shades(len(cell.seeds))
    for ax, log in zip(axes, shown):
        for colour, run in zip(colours, runs, strict=True):
            known = np.flatnonzero(run[log].notna())
            known = known[even(len(known), POINTS // len(cell.seeds))]
            ax.plot(run.step.to_numpy()[known], run[log].to_numpy()[known], color=colour, lw=0.9)
        values = logs[log].to_numpy(dtype=float)
        if log == "accuracy":
            ax.axhline(0.5, color=REFERENCE, ls="--", lw=0.8)
        elif log in ("grad_critic", "grad_policy", "kl_policy"):
            stretch(ax, "y", values[values > 0], wide=30)
        elif log in ("explained_variance", "kl"):
            dwarfed(ax, values, share=50)
        ax.set_title(LOGS[log], fontsize=7, fontweight="normal")
        ax.tick_params(labelsize=7)
        ax.locator_params(axis="x", nbins=3)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    for ax in axes[max(0, len(shown) - COLUMNS) : len(shown)]:
        ax.tick_params(labelbottom=True)
    fig.supxlabel("training step", fontsize=8)
    ends = {log: np.nanmedian(logs.loc[logs.step == logs.step.max(), log]) for log in shown}
    return Plot(
        f"{frame.name}-diagnosis-{cell.name}",
        f"{frame.title}: inside {look.label}",
        "One line for each run. At an accuracy of 0.5 (dashed) the discriminator cannot tell the two apart; at 1 the "
        "policy gets no useful reward.",
        f"{look.label}, medians at the end: "
        + ", ".join(f"{LOGS[log]} {value:.3g}" for log, value in ends.items())
        + ".",
        svg(fig),
        method=cell.name,
    )
