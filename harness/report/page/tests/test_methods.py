"""The page of a method: settings beside the baseline's, links from titles, its curves, and what failed."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd

from harness.report.figures import curves
from harness.report.figures.style import Style, theme
from harness.report.page.method_pages import Line, listing
from harness.report.records.frame import CellFrame
from harness.report.tables.entries import MISSING, Named, Table, Text, count, title
from harness.report.tables.formats import to_html
from harness.report.tests import tree
from harness.report.tests.pages import render


def test_settings_are_yaml_and_what_differs_is_marked():
    base = {"loss": "minimax", "net": {"width": 32, "depth": 2}, "code": None, "lr": 1e-3, "old": {"a": 1}}
    own = {
        "loss": "minimax",
        "net": {"width": 64, "depth": 2},
        "code": {"size": 8, "beta": None},
        "lr": 1e-3,
        "new": True,
    }
    assert list(listing(own, base)) == [
        Line("loss: minimax"),
        Line("net:"),
        Line("  width: 64", True, "baseline: 32"),
        Line("  depth: 2"),
        Line("code:", True, "baseline: null"),
        Line("  size: 8", True),
        Line("  beta: null", True),
        Line("lr: 0.001"),
        Line("new: true", True),
        Line("old: –", True, "baseline: {a: 1}"),
    ]


def test_settings_alone_mark_nothing_and_short_blocks_stand_on_one_line():
    own = {
        "net": {"width": 64, "steps": [1, 2]},
        "deep": {"a": {"b": "x"}},
        "many": dict.fromkeys(map(str, range(20)), 0),
    }
    lines = list(listing(own))
    assert [line.text for line in lines[:4]] == ["net: {width: 64, steps: [1, 2]}", "deep:", "  a: {b: x}", "many:"]
    assert len(lines) == 24 and not any(line.differs for line in lines)
    assert list(listing(own, own)) == lines, "equal settings differ in nothing"


def test_names_of_methods_become_links_and_nothing_else_does():
    swept = CellFrame("t", "gan-x-1.0", "gan", "GAN, x 1")
    row = [
        title(swept),
        title(swept, ", ours"),
        Named(title(swept), count(3)),
        Text("GAN"),
        Text("GAN", href="#t"),
        MISSING,
    ]
    (made,) = Table("", [""] * 6, [row]).led("methods").rows
    link = '<a href="methods/gan.html">GAN, x 1</a>'
    plain = ["GAN", '<a href="#t">GAN</a>', "–"]
    assert [to_html(cell) for cell in made] == [link, f"{link}, ours", f"{link}: 3", *plain]


def test_a_curve_has_a_line_for_each_run_their_middle_and_the_baselines(monkeypatch):
    steps, seeds = [1, 2, 3], [0, 1, 2, 3]

    def cell(name, shift):
        made = CellFrame("t", name, name, name.upper(), record={"seeds": seeds})
        rows = [["t", name, s, step, "r", step * 10.0 + s + shift] for s in seeds for step in steps]
        made.__dict__["scores"] = pd.DataFrame(rows, columns=["task", "method", "seed", "step", "metric", "value"])
        return made

    cells = {"bc": cell("bc", 0), "gail": cell("gail", 100)}
    frame = SimpleNamespace(
        name="t",
        title="T",
        baseline="bc",
        cells=list(cells.values()),
        cell=cells.get,
        headline="r",
        scored_by="r",
        metrics={"r": {"label": "return", "higher_is_better": True}},
    )
    drawn = []
    monkeypatch.setattr(curves, "svg", lambda fig: drawn.append([*fig.axes[0].lines]) or b"")
    with theme():
        plots = [curves.draw(frame, one, Style(name.upper(), "#000000", "-", "o")) for name, one in cells.items()]
    assert [(plot.name, plot.method) for plot in plots] == [("t-curve-bc", "bc"), ("t-curve-gail", "gail")]
    own, beside = drawn
    assert len(own) == 4 + 1 and len(beside) == 4 + 1 + 1
    for seed, line in zip(seeds, beside):
        np.testing.assert_array_equal(line.get_ydata(), [110 + seed, 120 + seed, 130 + seed])
    baseline, middle = beside[4:]
    np.testing.assert_allclose(baseline.get_ydata(), [11.5, 21.5, 31.5])  # of 0 to 3 the middle two
    np.testing.assert_allclose(middle.get_ydata(), [111.5, 121.5, 131.5])
    assert middle.get_linewidth() > 3 * beside[0].get_linewidth()


def test_the_page_of_a_method_shows_its_record_and_its_failures(rendered):
    folder = rendered[0] / "reports/laptop/methods"
    dead, missing, kept = ((folder / f"{name}.html").read_text() for name in (tree.DIVERGED, tree.MISSING, "vgan"))
    assert "Digits 8x8: 1 of 10 failed: seed 3 diverged at step 512." in dead and "No run failed." not in dead
    assert "Settings as declared; the method has not run." in missing and "Nothing has run yet." in missing
    assert "No run failed." in kept and "≠   i_c: 0.1" in kept and "# baseline: null" in kept
    assert kept.count("vgan-i_c-") >= len(tree.I_CS), "its ablation with the command of each value"
    shown = re.findall(r'src="\.\./figures/([^"]+)"', kept)
    assert shown == ["digits8-sheet-vgan.png", "digits8-curve-vgan.svg", "digits8-i_c.svg"]
    assert '<a href="../../../results/records/digits8/vgan/record.json">' in kept


def test_settings_of_a_record_are_escaped(small):
    root, params = small
    tree.edit(root, "vib_digits", "vib", params={"task": {}, "method": {"loss": "<b>&"}})
    render(root, params, root / "out")
    assert "≠ loss: &lt;b&gt;&amp;" in (root / "out/methods/vib.html").read_text()
