"""Draw the paper's Fig. 2 (right): D(x) between two Gaussians, beside the published curves."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from harness.report.figures.lines import thin
from harness.report.figures.style import REFERENCE, Plot, Style, figure, svg
from harness.report.records.frame import TaskFrame
from harness.report.records.gaussians import PANEL, curves, published_curve

PANELS = (PANEL,)
MEAN, SPREAD = 2.0, 0.5  # the classes are N(-2, 0.5^2) and N(2, 0.5^2)


def many_dims(kl: np.ndarray) -> np.ndarray:
    """Return D at the class mean if unit-variance codes in many dimensions use a KL [P] (nat)."""
    return expit(4 * kl)


def one_dim(kl: np.ndarray) -> np.ndarray:
    """Return D at the class mean if one code dimension shrinks its variance to use a KL [P] (nat)."""
    return expit(2 * np.expm1(2 * kl))


def draw(frame: TaskFrame, looks: dict[str, Style]) -> list[Plot]:
    """Draw D(x) with the published points, and D at the class mean against the measured KL."""
    ours = curves(frame)
    if not ours:
        return []
    fig = figure(3.5)
    left, right = fig.subplots(1, 2, width_ratios=[1.45, 1])
    x = np.linspace(-4, 4, 81)
    for mean in (-MEAN, MEAN):
        density = np.exp(-0.5 * ((x - mean) / SPREAD) ** 2)
        left.fill_between(x, 0.25 * density, color="#E4E4E4", lw=0, zorder=0)
    for name, d in ours.items():
        look, cell = looks[name], frame.known(name)
        left.plot(*thin(d)[["x", "middle"]].to_numpy().T, label=look.label, zorder=2, **look.line)
        theirs = published_curve(cell)
        if theirs is not None:
            left.plot(theirs.index, theirs, ls="", ms=7, mfc="none", mew=1.3, zorder=3, clip_on=False, **look.points)
    left.plot([], [], ls="", marker="o", ms=7, mfc="none", color=REFERENCE, label="published, by eye")
    left.set(title="D(x)", xlabel="x (grey: the two classes)", xlim=(-4, 4), ylim=(-0.02, 1.02))
    _against_kl(right, frame, looks)
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncol=3)
    return [
        Plot(
            f"{frame.name}-d",
            f"{frame.title}: the discriminator between two Gaussians",
            "Left: the lines are our D(x) at the mean code (interquartile mean over the seeds), and the hollow markers "
            "are the curves of the paper's Fig. 2, read by eye to an accuracy of about 0.03. Right: the D(2) that a "
            "measured KL allows. A D(2) of 0.85, as published for I_c = 0.1, needs a KL of 0.31 to 0.43 nat (grey "
            "band); a budget of 0.1 nat that is kept gives 0.60 to 0.61.",
            "Curves of D(x) from -4 to 4 for " + ", ".join(ours) + " with published points, and "
            "D(2) against KL between its two closed forms.",
            svg(fig),
        )
    ]


def _against_kl(ax, frame: TaskFrame, looks: dict[str, Style]) -> None:
    kl = np.geomspace(0.03, 30, 80)
    ax.plot(kl, one_dim(kl), color=REFERENCE, lw=1.1, ls="-", label="one code dimension")
    ax.plot(kl, many_dims(kl), color=REFERENCE, lw=1.1, ls="--", label="many dimensions")
    ax.legend(loc="lower right", handlelength=2, fontsize=8)
    ax.axvspan(0.312, 0.434, color="#E4E4E4", lw=0, zorder=0)
    for cell in frame.cells:
        if cell.record and {"kl", "d_at_plus_2"} <= set(cell.head["metrics"]):
            look = looks[cell.name]
            ax.plot(cell.endpoint("kl"), cell.endpoint("d_at_plus_2"), ls="", alpha=0.7, mew=0, **look.points)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(title="D(2) and the KL", xlabel="KL (nat)", ylim=(0.48, 1.02), xlim=(0.03, 30))
