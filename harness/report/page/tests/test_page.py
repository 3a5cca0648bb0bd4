"""The page: complete, fetching nothing, deterministic, and honest about what is missing."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from harness.report.figures import lines, style
from harness.report.figures.slim import inline
from harness.report.figures.toy import many_dims, one_dim
from harness.report.page import render as page_module
from harness.report.tables.entries import Table, fixed
from harness.report.tables.entries import Text as Words
from harness.report.tables.formats import words
from harness.report.tables.spelling import aimed, decimals, number
from harness.report.tests import tree
from harness.report.tests.pages import render

OPEN_ENDED = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Collects ids, images and headings; fails on tags that do not nest."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.ids, self.images, self.levels = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.images += [attrs] if tag in ("img", "svg") else []
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        if tag not in OPEN_ENDED:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


LEFT_OUT = "topics/left-out"


@pytest.fixture(scope="session")
def html(rendered):
    """The summary and the pages of all tasks."""
    folder = rendered[0] / "reports/laptop"
    return "".join(path.read_text() for path in (folder / "index.html", *sorted(folder.glob("tasks/*.html"))))


@pytest.fixture(scope="session")
def pages(rendered):
    """Every page of the report."""
    return {str(path): Page(path.read_text()) for path in (rendered[0] / "reports/laptop").rglob("*.html")}


def test_tags_nest_and_ids_are_unique(pages):
    for name, page in pages.items():
        assert page.open == [], name
        assert len(page.ids) == len(set(page.ids)), name


def test_headings_start_at_one_and_skip_no_level(pages):
    for name, page in pages.items():
        assert page.levels[0] == 1 and page.levels.count(1) == 1, name
        assert all(below <= above + 1 for above, below in zip(page.levels, page.levels[1:], strict=False)), name


def test_nothing_is_fetched_and_no_place_or_day_is_told(rendered, html, pages):
    root, _ = rendered
    html = html.replace('xmlns="http://www.w3.org/2000/svg"', "")  # a name, not an address
    assert "http" not in html
    sources = [image["src"] for page in pages.values() for image in page.images if "src" in image]
    assert sources and all(source.startswith(("figures/", "../figures/")) for source in sources)
    markdown = (root / "reports/laptop/index.md").read_text()
    shown = re.sub(r"<svg.*?</svg>", "", html) + markdown  # coordinates may hold any digits
    assert str(root) not in html + markdown and "12.5" not in shown


def test_every_image_has_words(pages):
    images = [image for page in pages.values() for image in page.images]
    assert len(images) > 20
    words = [image.get("alt") or image["aria-label"] for image in images]
    assert len(min(words, key=len)) > 20, min(words, key=len)


def test_what_failed_or_is_missing_is_shown_with_its_command(html):
    assert "seed 3 diverged at step 512" in html
    assert "not run" in html and f"bench train digits8 {tree.MISSING}" in html


def test_references_manifests_and_tests_stand_under_the_tables(html):
    assert "train-test floor" in html
    assert "(manifest a1b2c3d4)" in html and "n_fake 597" in html
    assert "sign-flip test on 10 paired seeds, Holm over 12 comparisons" in html


def test_what_only_describes_has_no_arrow_and_no_verdict(rendered):
    root, _ = rendered
    text = (root / "reports/laptop/index.md").read_text()
    head = next(row for row in text.splitlines() if row.startswith("| method | far gradient log d"))
    assert "| method | far gradient log d ↑ | slope at 0 | max slope | d at 0 |" in head
    assert "| kl | bound many dims |" in head
    assert "a metric without an arrow has no better side" in text
    assert aimed({"label": "KL", "higher_is_better": None}) == "KL"


def test_a_headline_that_only_describes_ranks_nothing(small):
    root, params = small
    for name in ("deterministic", "vib", *(f"vib-beta-{float(value)}" for value in tree.BETAS[:3])):
        path = root / "results/records/vib_digits" / name / "record.json"
        metrics = json.loads(path.read_text())["metrics"]
        metrics["error_12_codes"]["higher_is_better"] = None
        tree.edit(root, "vib_digits", name, metrics=metrics)
    render(root, params, root / "out")
    text = (root / "out/index.md").read_text()
    task = text.partition("## VIB on digits")[2].partition("## Published")[0].partition("## How")[0]
    assert "sign-flip" not in task and "Best on top" not in task
    assert not any(word in task for word in ("▲", "▼", "not separable", "12 codes, lower"))


def test_long_curves_stay_small_and_text_stays_text():
    x = np.arange(20_000.0)
    points = pd.DataFrame({"x": x, "low": np.sin(x), "middle": np.cos(x), "high": np.cos(x) + 0.1})
    looks = {f"m{k}": style.Style(f"a method & {k}", "#0072B2", "-", "o") for k in range(12)}
    for count in (3, 12):
        some = dict.fromkeys(list(looks)[:count], points)
        with style.theme():
            svg = style.svg(lines.compare(some, looks, "training step", "score"))
        assert len(svg) < 12_000 * (count + 1)
        assert b"a method &amp; 0</text>" in svg and b'<path id="DejaVu' not in svg
        root = ElementTree.fromstring(svg)
        assert all(
            "." not in word or len(word.split(".")[1]) <= 2
            for path in root.iter("{http://www.w3.org/2000/svg}path")
            for word in re.findall(r"[\d.]+", path.get("d"))
        )
    thinned = lines.thin(points)
    assert len(thinned) == lines.POINTS and thinned.x.iloc[[0, -1]].tolist() == [0, 19_999]


def test_slim_keeps_labels_and_gives_each_figure_its_own_ids():
    with style.theme():
        fig = style.figure(2, 3)
        fig.subplots().plot([0, 1], [0, 0.0001234], marker="o", label="0.12345")
        fig.axes[0].legend()
        svg = style.svg(fig)
    assert b">0.12345</text>" in svg and b"<style" not in svg
    one, two = inline(svg, "one", 'a "word"'), inline(svg, "two", "")
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in (one, two)]
    assert ids[0] and not ids[0] & ids[1]
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', one)) == ids[0]
    assert 'aria-label="a &quot;word&quot;"' in one


def test_titles_are_never_cut():
    names = [
        "GAN",
        "WGAN-GP, 5 critic steps",
        "RSGAN + VDB + R1",
        "W" * 40,
        "adversarially-imitating",
        "a long name of a method that goes on and on",
    ]
    looks = {name: style.Style(name, "#0072B2", "-", "o") for name in names}
    points = pd.DataFrame({"x": [0.0, 1], "low": 0.0, "middle": [0.0, 1], "high": 1.0})
    with style.theme():
        fig = lines.compare(dict.fromkeys(names, points), looks, "step", "score")
        fig.draw_without_rendering()
        for ax in fig.axes[: len(names)]:
            texts = [child for child in ax.get_children() if isinstance(child, Text)]
            title = next(text for text in texts if text.get_text() == ax.get_title(loc="left"))
            assert title.get_window_extent().x1 <= ax.get_window_extent().x1 + 1
            assert title.get_window_extent().y1 <= fig.bbox.y1 + 1


def test_markdown_holds_the_same_tables_and_its_figures(rendered):
    root, _ = rendered
    folder = root / "reports/laptop"
    text = (folder / "index.md").read_text()
    figures = [part.split(")")[0] for part in text.split("](figures/")[1:]]
    assert sorted(figures) == sorted(path.name for path in (folder / "figures").iterdir())
    for block in text.split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1, block[:200]


def test_equal_records_give_equal_bytes_and_stale_figures_go(small):
    root, params = small
    out = root / "reports/laptop"
    (out / "figures").mkdir(parents=True)
    (out / "figures/own.svg").write_text("not of a report")
    render(root, params, out)
    (out / "manifest.txt").write_text((out / "manifest.txt").read_text() + "figures/old.svg\n")
    (out / "figures/old.svg").write_text("of a report before")
    first = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.*ml")}
    assert len(first) > 2
    render(root, params, out)
    assert first == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.*ml")}
    assert not (out / "figures/old.svg").exists()
    assert (out / "figures/own.svg").read_text() == "not of a report"


def test_a_crash_while_the_pages_are_made_leaves_the_old_ones(small, monkeypatch):
    root, params = small
    out = root / "reports/laptop"
    render(root, params, out)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    made = page_module._pictures

    def stopped(sections):
        yield ("new.svg", b"new")
        yield from made(sections)
        raise KeyboardInterrupt

    monkeypatch.setattr(page_module, "_pictures", stopped)
    with pytest.raises(KeyboardInterrupt):
        render(root, params, out)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_an_empty_project_has_a_page(tmp_path):
    render(tmp_path, tree.params(), tmp_path / "reports/laptop")
    text = (tmp_path / "reports/laptop/index.md").read_text()
    assert text.count("**not run**") == 4 + 9 + 20
    assert "**0 of 20**" in text


def test_a_first_table_stands_above_the_summary(small, monkeypatch):
    root, params = small
    first = Table("What was reproduced", ["result", "verdict"], [[Words("a"), Words("yes")]])
    monkeypatch.setattr(page_module.verdicts, "first", lambda judged: first)
    render(root, params, root / "out")
    html, markdown = (root / "out/index.html").read_text(), (root / "out/index.md").read_text()
    assert html.index("<h1>") < html.index("<h2>What was reproduced</h2>") < html.index('id="summary"')
    assert markdown.index("| a | yes |") < markdown.index("## Summary")


def test_tasks_stand_under_their_family_and_lead_to_their_numbers(html, rendered):
    listed = html[html.index('<section id="tasks"') : html.index('<section id="methods"')]
    assert re.findall(r'id="(family-\w+)"|href="tasks/(\w+)\.html"', listed) == [
        ("family-gaussians", ""),
        ("", "two_gaussians"),
        ("family-labelled", ""),
        ("", "vib_digits"),
        ("family-images", ""),
        ("", "digits8"),
    ]
    for task in ("two_gaussians", "vib_digits", "digits8"):
        assert f'href="../../../results/summary/{task}.csv"' in html


def test_the_page_shows_the_summary_and_no_other_numbers(small):
    """What `bench evaluate` wrote is what stands there, in the tables of the task, of all tasks, and of the method."""
    root, params = small
    render(root, params, root / "out")
    path = root / "results/summary/vib_digits.csv"
    rows = path.read_text().splitlines()
    place = next(k for k, row in enumerate(rows) if row.startswith("vib_digits,vib,") and ",error_12_codes," in row)
    fields = rows[place].split(",")
    fields[rows[0].split(",").index("value")] = "0.123456789"
    path.write_text("\n".join([*rows[:place], ",".join(fields), *rows[place + 1 :], ""]))
    page_module.render(root, params, root / "out")
    text = unquote("".join((root / "out" / name).read_text() for name in ("index.html", "tasks/vib_digits.html")))
    assert "<strong>0.12 [" in text and "</a>: 0.12 [" in text
    assert text.count(",0.123456789,") == 4, (
        "the task's table, its costs, all tasks, and the ablation, which holds the method itself"
    )
    assert "0.123 [" in (root / "out/methods/vib.html").read_text()
    tree.edit(root, "vib_digits", "vib", tier="other")
    (why,) = page_module.render(root, params, root / "out").items()
    assert why[0] == "cell vib_digits/vib" and "has an invalid tier" in why[1]
    task, left, main = ((root / "out" / f"{name}.html").read_text() for name in ("tasks/vib_digits", LEFT_OUT, "index"))
    assert '<span class="alarm"><strong>unreadable: vib_digits/vib: record.json has an invalid tier' in task
    assert "0.12 [" not in task and "cell vib_digits/vib" in left and f'href="{LEFT_OUT}.html"' in main


def test_five_seeds_say_that_significance_cannot_be_reached(small):
    root, params = small
    for name in params["methods"]["vib_digits"]:
        folder = root / "results/records/vib_digits" / name
        tree.edit(root, "vib_digits", name, seeds=[0, 1, 2, 3, 4])
        scores = pd.read_csv(folder / "scores.csv")
        scores[scores.seed < 5].to_csv(folder / "scores.csv", index=False)
    render(root, params, root / "out")
    text = (root / "out/index.md").read_text()
    assert "Significance cannot be reached: with 5 seeds (one comparison) no p can be below 0.062" in text
    assert "not tested" in text


def test_a_declared_protocol_puts_the_published_number_beside_ours(small):
    root, params = small
    (root / "results/published.csv").write_text(
        "domain,task,method,metric,mean,std,n_seeds,higher_is_better,source\n"
        "gan,CIFAR-10,VGAN,FID,24.8,,,false,Figure 8\n"
    )
    params["report"]["published"] = {
        "vib_digits": {
            "task": "CIFAR-10",
            "metric": "error_12_codes",
            "names": {"vib": "VGAN"},
            "margin": 0.1,
        }
    }
    render(root, params, root / "out")
    text = (root / "out/index.md").read_text()
    assert "| 24.8 | ours is better |" in text
    assert (root / "out/figures/vib_digits-published.svg").is_file()


def test_the_report_needs_no_torch():
    code = "import sys, harness.report.page.render, harness.report.records.aggregate; assert 'torch' not in sys.modules"
    root = Path(__file__).parents[4]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_closed_forms_of_the_toy():
    # D(2) = 0.85 needs 0.31 (one dimension) to 0.43 nat (many); 0.1 nat gives 0.60 to 0.61.
    assert one_dim(0.3120) == pytest.approx(0.85, abs=1e-3)
    assert many_dims(0.4337) == pytest.approx(0.85, abs=1e-3)
    assert many_dims(0.1) == pytest.approx(0.5987, abs=1e-4)
    assert one_dim(0.1) == pytest.approx(0.6089, abs=1e-4)


def test_numbers_keep_three_digits_of_the_typical_value():
    assert decimals([1.5, 2.0, 812.3]) == 2
    assert decimals([123.0]) == 0
    assert decimals([]) == 2
    assert number(-0.5, 1) == "−0.5"
    assert number(3e-8, 3) == "3e−08" and number(0.048, 1) == "0.048" and number(0.06, 1) == "0.1"
    assert number(0.0, 2) == "0.00"
    assert words(fixed(1.0, 1, 0.5, 1.5)) == "1.0 [0.5,\u00a01.5]"
    assert words(fixed(1.0, 1, float("nan"), float("nan"))) == "1.0"


def test_archived_presets_have_a_page_and_a_place_on_the_other(small):
    """Its own tables, its figures on its own page, links from the one to the other, and a claim that is judged."""
    root, params = small
    far = root / "results/archive/far"
    shutil.copytree(root / "results/records", far)
    (far / "vib_digits/vib/verified.json").write_text('{"agrees": true, "steps": 1, "training_key": "0"}')
    for path in far.glob("*/*/record.json"):
        path.write_text(path.read_text().replace('"laptop"', '"far"'))
    test = "{preset: far, task: vib_digits, metric: error_12_codes, pairs: [[vib, deterministic]]}"
    claim = (
        f"- {{id: 7, domain: VIB, claim: VIB errs less, published: 1 against 2, source: Table 1, evidence: [{test}]}}"
    )
    (root / "results/claims.yaml").write_text(claim)
    later = {"preset": "later", "what": "Much longer.", "rows": "vib_digits: vib", "command": "bench preset later"}
    render(root, params, root / "reports/laptop", [params | {"preset": "far"}], waiting=[later])
    folder = root / "reports/laptop"
    own = (folder / "archived/far/tasks/vib_digits.html").read_text()
    assert "archived, recorded by cccccccccc; the current code reproduces" in own and "<svg" in own
    assert '<a href="../../../index.html">Main report</a>' in own
    assert "7. VIB errs less" in (folder / "archived/far/topics/claims.html").read_text()
    archive = (folder / "topics/archive.html").read_text()
    assert "far: archived" in archive and 'href="../archived/far/tasks/vib_digits.html"' in archive
    assert "Much longer." in archive and "bench preset later" in archive
    assert "7. VIB errs less" in (folder / "topics/claims.html").read_text()
    assert "What was reproduced" in (folder / "index.html").read_text()
    assert "What was reproduced" not in (folder / "archived/far/index.html").read_text()
    render(root, params, root / "reports/laptop")
    assert not (root / "reports/laptop/archived").exists(), "a page stays that nothing makes any more"


@pytest.mark.parametrize(
    "damage, why",
    [
        (lambda folder: (folder / "record.json").write_text("{"), "vib_digits/vib: record.json cannot be read"),
        (
            lambda folder: (folder / "record.json").write_text("[1]"),
            "vib_digits/vib: record.json cannot be read (it is not a mapping); run `bench preset far",
        ),
        (
            lambda folder: (folder / "scores.csv").unlink(),
            "vib_digits/vib: scores.csv is missing; run `bench preset far",
        ),
        (
            lambda folder: (folder / "curves.csv").write_text("x\n1\n"),
            "vib_digits/vib: curves.csv has no column seed, step",
        ),
    ],
)
def test_an_archive_that_cannot_be_read_stops_no_other_page(small, damage, why):
    root, params = small
    for name in ("far", "near"):
        shutil.copytree(root / "results/records", root / "results/archive" / name)
        for path in (root / "results/archive" / name).glob("*/*/record.json"):
            path.write_text(path.read_text().replace('"laptop"', f'"{name}"'))
    damage(root / "results/archive/far/vib_digits/vib")
    kept = [params | {"preset": name} for name in ("far", "near")]
    refused = render(root, params, root / "reports/laptop", kept, refused={"lime": "no such task"})
    assert refused.keys() == {"cell vib_digits/vib", "preset lime"} and refused["cell vib_digits/vib"].startswith(why)
    for name in ("far", "near"):
        page = (root / "reports/laptop/archived" / name / "index.md").read_text()
        assert (f"**unreadable: {why}" in page) is (name == "far")
    page = (root / "reports/laptop/index.md").read_text()
    assert "| preset lime | no such task |" in page and f"| cell vib_digits/vib | {why}" in page


def test_an_archive_that_cannot_be_drawn_stops_no_other_page(small):
    root, params = small
    for name in ("far", "near"):
        shutil.copytree(root / "results/records", root / "results/archive" / name)
        for path in (root / "results/archive" / name).glob("*/*/record.json"):
            path.write_text(path.read_text().replace('"laptop"', f'"{name}"'))
    test = "{preset: far, task: vib_digits, metric: error_12_codes, pairs: [[vib, deterministic]]}"
    claim = f"- {{id: 7, domain: VIB, claim: c, published: 1 against 2, source: Table 1, evidence: [{test}]}}"
    (root / "results/claims.yaml").write_text(claim)
    kept = [params | {"preset": "far", "report": {"baseline": {"vib_digits": "gone"}}}, params | {"preset": "near"}]
    refused = render(root, params, root / "reports/laptop", kept)
    assert refused.keys() == {"preset far"} and "got 'gone'" in refused["preset far"]
    archived = root / "reports/laptop/archived"
    assert (archived / "near/index.html").is_file() and not (archived / "far").exists()
    page = (root / "reports/laptop/index.md").read_text()
    assert f"| preset far | {refused['preset far']} |" in page
    assert "preset far cannot be shown; the reason is at the end of this page" in page


def test_commands_of_archived_pages_are_those_of_their_preset(small):
    """`bench train TASK CELL` trains a live cell; an archived one, run or not, is made by its preset."""
    root, params = small
    far = root / "results/archive/far"
    shutil.copytree(root / "results/records", far)
    shutil.rmtree(far / "vib_digits/vib")
    for path in far.glob("*/*/record.json"):
        path.write_text(path.read_text().replace('"laptop"', '"far"'))
    render(root, params, root / "reports/laptop", [params | {"preset": "far"}])
    pages = [path.read_text() for path in (root / "reports/laptop/archived/far").rglob("*.html")]
    assert not any("bench train" in page for page in pages)
    own = (root / "reports/laptop/archived/far/index.md").read_text()
    rows = [line for line in own.splitlines() if line.startswith(("| [deterministic]", "| [vib]")) and "`bench" in line]
    assert rows and all(row.endswith("`bench preset far --jobs 2` |") for row in rows)
    page = (root / "reports/laptop/index.md").read_text()
    assert "`bench train vib_digits vib`" in page[: page.index("Archived runs")]


def test_a_cell_whose_seeds_all_died_at_once_stands_at_the_floor(small):
    """Before anything was logged: its table of curves has neither rows nor columns."""
    root, params = small
    folder = root / "results/records/vib_digits/vib"
    tree.edit(root, "vib_digits", "vib", status={str(seed): "diverged at step 1" for seed in range(10)})
    (folder / "curves.csv").write_text("\n")
    scores = pd.read_csv(folder / "scores.csv")
    floors = {
        name: block["floor"] for name, block in json.loads((folder / "record.json").read_text())["metrics"].items()
    }
    scores.assign(value=scores.metric.map(floors)).to_csv(folder / "scores.csv", index=False)
    assert render(root, params, root / "out") == {}
    page = (root / "out/index.md").read_text()
    assert "**10 of 10 failed: seed 0 diverged at step 1" in page and "unreadable" not in page
