"""The pages in a real browser: nothing is complained of or fetched, nothing is cut on a phone or on paper.

Chromium without a window, from files, by its own command line; no driver. What a browser is not needed for (links that
lead somewhere) is tested in any case.
"""

import json
import re
import shutil
import subprocess
from html import escape, unescape
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from harness.report.tests.pages import render

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason=f"no browser on the PATH: none of {', '.join(NAMES)}")
PHONE, PAPER = 360, 688  # pixels: a small phone; A4 less margins of 14 mm at 96 dots an inch
MEASURE = """<!doctype html><html><head><meta charset="utf-8"><title>frame</title><style>body { margin: 0 }</style>
</head><body><iframe src="PAGE" style="width: WIDTHpx; height: 800px; border: 0"></iframe><pre id="found"></pre><script>
window.onload = () => {
  const inside = document.querySelector("iframe").contentWindow, page = inside.document;
  const beyond = [...page.querySelectorAll("table, figure, pre, img, svg.plot")].filter(
    (part) => part.getBoundingClientRect().right > inside.innerWidth + 1 && !part.closest(".hidden"));
  document.getElementById("found").textContent = JSON.stringify({
    width: inside.innerWidth, needed: page.documentElement.scrollWidth,
    /* files do not count here, what comes by a network does */
    fetched: inside.performance.getEntriesByType("resource").map((entry) => entry.name),
    broken: [...page.images].filter((image) => !image.naturalWidth).map((image) => image.src),
    beyond: beyond.map((part) => (part.querySelector("caption, h3, h4") || part).textContent.slice(0, 60)),
    unreached: [...page.querySelectorAll(".scroll")].filter(
      (part) => part.scrollWidth > part.clientWidth + 1 && (part.tabIndex !== 0 || !part.ariaLabel)).length,
    files: [...page.querySelectorAll("a[download]")].map((link) => link.href),
    height: page.documentElement.scrollHeight,
    small: [...page.querySelectorAll(".of .row")].filter((row) => row.clientWidth < 8 * 48).length,
    buttons: [...page.querySelectorAll("th button")].filter(
      (button) => inside.getComputedStyle(button).display !== "contents").length,
    places: [...page.querySelectorAll(".bar .places a")].filter(
      (link) => link.checkVisibility() && link.getBoundingClientRect().right <= inside.innerWidth).length,
  });
};
</script></body></html>"""


USE = """<!doctype html><html><head><meta charset="utf-8"><title>frame</title></head><body>
<iframe src="PAGE" style="width: 1400px; height: 900px"></iframe><pre id="found"></pre><script>
const shown = (page) => [...page.querySelectorAll("main tbody tr")].filter((row) => row.checkVisibility())
  .map((row) => row.cells[0].textContent);
window.onload = () => {
  const page = document.querySelector("iframe").contentDocument, found = { before: shown(page) };
  const Event = document.querySelector("iframe").contentWindow.Event;
  STEPS
  document.getElementById("found").textContent = JSON.stringify(found);
};
</script></body></html>"""


class Links(HTMLParser):
    """The ids of a page and what it points at."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.targets = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs["id"]} if "id" in attrs else set()
        self.targets += [attrs[key] for key in ("href", "src") if key in attrs and tag != "use"]


def lost(folder):
    """'page -> target' for each link of the pages below a folder that leads nowhere."""
    pages = {path.resolve(): Links(path.read_text()) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for target in page.targets:
            if target.startswith("data:"):
                continue
            file, _, anchor = target.partition("#")
            place = (path.parent / unquote(file)).resolve() if file else path
            if not place.is_file() or (anchor and (place not in pages or anchor not in pages[place].ids)):
                found.append(f"{path.name} -> {target}")
    return found


def browse(*arguments, **more):
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--allow-file-access-from-files",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        "--v=0",
        *map(str, arguments),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=True, **more)


def on_paper(folder, page, place):
    """A copy of a page with the rules for paper, for a window as wide as the paper."""
    up = folder.resolve().as_uri()
    text = re.sub(r'(href|src)="(?:\.\./)?(figures/|page\.)', rf'\1="{up}/\2', page.read_text())
    style = (folder / "page.css").read_text().replace("@media print", "@media all")
    head, _, body = text.partition("</head>")
    paper = place / page.name
    paper.write_text(f"{head}<style>{style}</style></head>{body}")
    return paper


def console(done):
    """What the page made the browser say; the browser's own troubles are not the page's."""
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def measured(page, width, folder):
    """What MEASURE finds in a page that is so many pixels wide."""
    return framed(MEASURE.replace("WIDTH", str(width)), page, folder)


def used(page, steps, folder):
    """What a reader finds who does these steps; `shown(page)` lists the rows of tables that are to be seen."""
    return framed(USE.replace("STEPS", steps), page, folder)


def framed(text, page, folder):
    """What a page that shows another one writes into its element `found`, and what the browser was made to say."""
    frame = folder / "frame.html"
    frame.write_text(text.replace("PAGE", escape(page.resolve().as_uri())))
    done = browse("--dump-dom", frame.as_uri())
    text = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert text and text[1], done.stderr[-500:]
    return json.loads(unescape(text[1])) | {"console": console(done)}


@pytest.fixture(scope="module")
def pages(rendered):
    """(folder, the main page, one page of a method with an ablation, two of others)."""
    folder = rendered[0] / "reports/laptop"
    return folder, [folder / f"{name}.html" for name in ("index", "tasks/digits8", "methods/vgan", "methods/vib")]


def test_every_link_of_every_page_leads_somewhere(pages):
    folder, _ = pages
    assert len(list(folder.glob("methods/*.html"))) == 20
    assert lost(folder) == []


def test_a_lost_link_is_found(tmp_path):
    (tmp_path / "methods").mkdir()
    (tmp_path / "index.html").write_text(
        '<p id="a"></p><a href="#b">b</a><a href="methods/x.html#c">c</a><a href="y.html">y</a>'
    )
    (tmp_path / "methods/x.html").write_text('<img src="../figures/z.svg"><a href="../index.html#a">a</a>')
    assert sorted(lost(tmp_path)) == [
        "index.html -> #b",
        "index.html -> methods/x.html#c",
        "index.html -> y.html",
        "x.html -> ../figures/z.svg",
    ]


def test_pages_of_archived_presets_link_to_each_other(small):
    root, params = small
    far = root / "results/archive/far"
    shutil.copytree(root / "results/records", far)
    for path in far.glob("*/*/record.json"):
        path.write_text(path.read_text().replace('"laptop"', '"far"'))
    render(root, params, root / "reports/laptop", [params | {"preset": "far"}])
    assert (root / "reports/laptop/archived/far/methods/vib.html").is_file()
    assert lost(root / "reports") == []
    assert '<a href="../archived/far/methods/vib.html">' in (root / "reports/laptop/topics/archive.html").read_text()


@needs_browser
def test_on_a_phone_the_page_does_not_scroll_sideways_and_nothing_is_fetched(pages, tmp_path):
    for page in pages[1]:
        found = measured(page, PHONE, tmp_path)
        assert found["width"] == PHONE and found["needed"] <= PHONE, page.name
        assert found["console"] == [] and found["broken"] == [] and found["unreached"] == 0, page.name
        assert found["fetched"] == [], page.name


@needs_browser
def test_the_summary_is_short_and_samples_are_large_enough(pages, tmp_path):
    """Eight screens at most; a sample of the grid has 48 pixels a side, on a phone too."""
    assert measured(pages[1][0], 1400, tmp_path)["height"] <= 8 * 900
    for width in (PHONE, 1400):
        assert measured(pages[1][1], width, tmp_path)["small"] == 0


@needs_browser
def test_the_skip_link_lies_above_the_bar_when_a_keyboard_reaches_it(pages, tmp_path):
    steps = """
  const link = page.querySelector(".skip"), over = () => {
    const { left, top, width, height } = link.getBoundingClientRect();
    return page.elementFromPoint(left + width / 2, top + height / 2) === link;
  };
  found.hidden = over();
  document.querySelector("iframe").focus();
  link.focus();
  found.focused = link.matches(":focus"), found.over = over();
  page.defaultView.scrollTo(0, 500), found.scrolled = over();"""
    found = used(pages[1][0], steps, tmp_path)
    assert found["focused"] and not found["hidden"] and found["over"] and found["scrolled"]


@needs_browser
def test_on_a_phone_some_places_of_the_bar_are_seen_and_on_paper_none(pages, tmp_path):
    assert measured(pages[1][0], PHONE, tmp_path)["places"] >= 3
    assert measured(on_paper(pages[0], pages[1][0], tmp_path), PAPER, tmp_path)["places"] == 0


@needs_browser
def test_a_click_on_a_head_sorts_and_another_one_turns_round(pages, tmp_path):
    steps = """
  const table = page.querySelector("main table"), column = 1;
  const texts = () => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[column].textContent));
  table.tHead.rows[0].cells[column].querySelector("button").click();
  found.up = [table.tHead.rows[0].cells[column].getAttribute("aria-sort"), texts()];
  table.tHead.rows[0].cells[column].querySelector("button").click();
  found.down = [table.tHead.rows[0].cells[column].getAttribute("aria-sort"), texts()];"""
    found = used(pages[1][1], steps, tmp_path)
    (up, rising), (down, falling) = found["up"], found["down"]
    rising, falling = ([value for value in some if value is not None] for some in (rising, falling))  # JSON has no NaN
    assert (up, down) == ("ascending", "descending") and len(rising) > 5 and found["console"] == []
    assert rising == sorted(rising) and falling == rising[::-1] and len(set(rising)) > 5


@needs_browser
def test_claims_are_filtered_and_what_is_folded_opens_for_it(small, tmp_path):
    root, params = small
    (root / "results/claims.yaml").write_text(
        """
- {id: 1, domain: Robots, claim: one, published: p, source: s, evidence: [{preset: laptop, task: vib_digits,
   metric: error_12_codes, pairs: [[vib, deterministic]]}]}
- {id: 2, domain: Robots, claim: two, published: p, source: s, why: no data}
- {id: 3, domain: Mazes, claim: three, published: p, source: s, why: no data}
"""
    )
    render(root, params, root / "reports/laptop")
    steps = """
  const [verdict, domain] = page.querySelectorAll(".filter select"), words = page.querySelector(".filter input");
  const set = (field, value) => {
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return [shown(page), page.querySelector(".filter [role=status]").textContent];
  };
  found.verdict = set(verdict, "not run");
  found.domain = set(domain, "Mazes");
  set(verdict, ""), set(domain, "");
  found.words = set(words, "TWO");
  found.none = set(words, "");"""
    found = used(root / "reports/laptop/topics/claims.html", steps, tmp_path)
    assert found["console"] == [] and found["before"] == ["1. one"], "what has not run is folded"
    assert found["verdict"] == [["2. two", "3. three"], "2 of 3 claims"]
    assert found["domain"] == [["3. three"], "1 of 3 claims"] and found["words"] == [["2. two"], "1 of 3 claims"]
    assert found["none"] == [["1. one"], "3 of 3 claims"]


@needs_browser
def test_the_browser_reads_the_files_behind_a_table_as_they_were_written(pages, tmp_path):
    found = measured(pages[1][2], PHONE, tmp_path)
    texts = [unquote(href.partition(",")[2]) for href in found["files"]]
    assert len(texts) >= 4 and all(href.startswith("data:text/") for href in found["files"])
    assert any(text.startswith("task,scored by,score: value,score: low,score: high,n,") for text in texts)
    assert any("\\begin{tabular}" in text and "\\bottomrule" in text for text in texts)


@needs_browser
def test_on_paper_no_table_or_figure_is_cut(pages, tmp_path):
    """The rules for paper, applied to a page as wide as the paper."""
    folder, some = pages
    for page in some:
        found = measured(on_paper(folder, page, tmp_path), PAPER, tmp_path)
        assert found["beyond"] == [], page.name
        assert found["buttons"] == 0, "the head of a table is repeated on every sheet, a button in it is not"


@needs_browser
def test_pages_print(pages, tmp_path):
    for page in pages[1]:
        out = tmp_path / f"{page.stem}.pdf"
        browse("--no-pdf-header-footer", f"--print-to-pdf={out}", page.resolve().as_uri())
        sheets = re.findall(rb"/Type\s*/Page\b", out.read_bytes())
        assert out.read_bytes().startswith(b"%PDF-") and len(sheets) > 0


@needs_browser
def test_what_a_page_must_not_do_is_seen(tmp_path):
    """The measures above can fail: a script that complains, a lost picture, one from the network, too long lines."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<html><body><script>console.error("trouble")</script><img src="https://example.org/a.png"><img src="lost.svg">'
        '<table style="width: 900px"><tr><td>wide</td></tr></table>'
        '<div class="scroll" style="overflow: auto"><p style="width: 900px">a</p></div></body></html>'
    )
    found = measured(bad, PHONE, tmp_path)
    assert any("trouble" in line for line in found["console"])
    assert any("example.org" in name for name in found["fetched"]) and len(found["broken"]) == 2
    assert found["needed"] > PHONE and found["beyond"] == ["wide"] and found["unreached"] == 1
