"""Figures that share their axes show nothing of what was drawn on them before."""

import numpy as np
import pandas as pd
import pytest

from harness.report.figures import lines, style

SIZE, MARGINS = (6.0, 3.0), (0.6, 0.1, 0.5, 0.3)


def plain(sharex):
    fig, axes = style.panels(SIZE, (2, 2), MARGINS, (0.3, 0.3), sharex)
    for place, ax in enumerate(axes):
        ax.plot([0, 1, 2], [place, 1, -3])
        ax.set_xlabel("steps")
    return style.svg(fig)


def full(sharex):
    """Use all that a figure may leave on its axes."""
    fig, axes = style.panels(SIZE, (2, 2), (0.9, 0.2, 0.7, 0.5), (0.1, 0.6), sharex)
    for ax in axes:
        ax.plot(np.arange(50), np.geomspace(1, 1e6, 50), label="a line", color="#00FF00")
        ax.fill_between([0, 900], [1, 1], [5e7, 5e7])
        ax.axhline(3.0)
        style.stretch(ax, "y", np.array([1.0, 1e6]))
        ax.set(xlabel="x", ylabel="y", title="a title")
        ax.locator_params(axis="x", nbins=2)
        ax.tick_params(labelbottom=False, labelleft=False)
    axes[3].set_visible(False)
    style.dwarfed(axes[2], np.array([1.0, 1.0, 1e3]))
    lines.align(axes)
    lines.legend(fig, axes)
    fig.supxlabel("below")
    fig.supylabel("beside")
    return style.svg(fig)


@pytest.mark.parametrize("sharex", [False, True])
def test_a_figure_has_the_bytes_that_it_has_alone(sharex):
    with style.theme():
        style._canvas.cache_clear()
        alone = plain(sharex)
        style._canvas.cache_clear()
        other = full(sharex)
        assert plain(sharex) == alone != other and full(sharex) == other and plain(sharex) == alone


def test_a_grid_leaves_room_for_its_labels():
    """However wide its numbers are: those of the left panels begin to the right of the label of all."""
    points = pd.DataFrame({"x": [0, 1], "low": [0.0, 0.0], "middle": [0.0, 1.2345e-5], "high": [0.0, 2e-5]})
    for factor in (1.0, 1e9):
        shown = {f"m{k}": points * [1, factor, factor, factor] for k in range(6)}
        looks = {name: style.Style(name, "#000000", "-", "o") for name in shown}
        with style.theme():
            fig = lines.compare(shown, looks, "step", "a value")
            rule = lines.ruler(fig)
            label = next(text for text in fig.texts if text.get_text() == "a value")
            numbers = fig.axes[0].yaxis.get_tightbbox(rule)
            assert label.get_window_extent(rule).x1 < numbers.x0


def test_a_label_at_the_side_is_as_long_as_its_axes():
    points = pd.DataFrame({"x": [0, 1], "low": [1.0, 1.0], "middle": [1.0, 1.5], "high": [1.0, 2.0]})
    looks = {name: style.Style(name, "#000000", "-", "o") for name in ("VIB", "deterministic twin")}
    with style.theme():
        fig = lines.compare(dict.fromkeys(looks, points), looks, "step", "test error, 12 codes (%), lower is better")
        fig.draw_without_rendering()  # which lays it out
        label = fig.axes[0].yaxis.label.get_window_extent()
        assert label.y0 >= 0 and label.y1 <= fig.bbox.y1


def test_the_remembered_theme_is_seaborns():
    import matplotlib
    import seaborn

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        seaborn.set_theme(context="paper", style="whitegrid", font="DejaVu Sans", font_scale=1.0)
        wanted = dict(matplotlib.rcParams) | style.THEME
    with style.theme():
        found = dict(matplotlib.rcParams)
    ours = {"image.cmap", "axes.prop_cycle", "patch.facecolor"}  # every figure names its own colours
    assert {key for key in wanted if wanted[key] != found[key]} <= ours
