"""CSV that pandas reads back as the same numbers, LaTeX without live special characters, addresses that hold both."""

import io
import math
import re
from urllib.parse import unquote

import pandas as pd

from harness.report.tables.downloads import address, file_name
from harness.report.tables.entries import (
    LEVEL,
    MISSING,
    Code,
    Comparison,
    Head,
    Named,
    Number,
    Source,
    Table,
    Text,
    count,
    fixed,
)
from harness.report.tables.formats import to_csv, to_html, to_latex, to_markdown, words

THIRD, TINY = 1 / 3, math.pi * 1e-9  # no decimals of a page hold them
ROW = Source((("record", "r.json"), ("scores", "s.csv")), "bench train t a")


def table(heads, *rows):
    cells = [[Text(each) if isinstance(each, str) else each for each in row] for row in rows]
    return Table("Digits: KID ↓ (×10³), 95 % & more", heads, cells, ["A note_on 5 %.", "Two\nlines."])


def read(made):
    return pd.read_csv(io.StringIO(to_csv(made)))


def test_numbers_of_a_csv_are_the_numbers():
    """To the last digit, whatever a reader sees of them."""
    rows = [("a, b", fixed(THIRD, 2, -THIRD, 1 + THIRD)), ('c "d"', fixed(TINY, 2)), ("e", Number(math.nan))]
    frame = read(table(["method", Head("KID", LEVEL)], *rows))
    assert frame.columns.tolist() == ["method", "KID: value", "KID: low", "KID: high"]
    assert frame.method.tolist() == ["a, b", 'c "d"', "e"]
    assert frame.iloc[0, 1:].tolist() == [THIRD, -THIRD, 1 + THIRD]
    assert frame["KID: value"][1] == TINY and frame.iloc[2, 1:].isna().all() and frame.iloc[1, 2:].isna().all()


def test_each_part_of_a_number_has_a_column_of_its_own():
    cells = [fixed(-THIRD, 2, -1.0, 0.5, rho=-0.4 + TINY), count(3, note="8 runs"), MISSING]
    frame = read(table(["difference"], *([cell] for cell in cells)))
    assert frame.columns.tolist() == [f"difference: {part}" for part in ("value", "low", "high", "rho", "note")]
    assert frame["difference: rho"][0] == -0.4 + TINY and frame["difference: note"][1] == "8 runs"
    assert words(cells[0]) == "−0.33 [−1.00,\u00a00.50], ρ\u00a0−0.40" and words(cells[1]) == "3 (8 runs)"


def test_words_and_numbers_of_one_column_stand_apart():
    best = [Named(Text("GAN", href="x.html"), fixed(THIRD, 1, 0.25, 0.5)), Text("is the baseline")]
    verdicts = [Comparison("better"), Comparison("not separable", 23 + THIRD)]
    frame = read(table(["best", "n", "verdict"], *zip(best, [count(10), MISSING], verdicts)))
    parts = ["best", "best: value", "best: low", "best: high", "n", "verdict", "verdict: seeds"]
    assert frame.columns.tolist() == parts
    assert frame.best.tolist() == ["GAN", "is the baseline"] and frame["best: value"][0] == THIRD
    assert frame.n[0] == 10 and frame.verdict.tolist() == ["better", "not separable"]
    assert frame["verdict: seeds"][1] == 23 + THIRD
    assert [words(each) for each in verdicts] == ["▲\u00a0better", "not separable (needs\u00a023)"]
    assert words(best[0]) == "GAN: 0.3 [0.2,\u00a00.5]"


def test_a_column_of_numbers_alone_keeps_its_name():
    assert to_csv(table([Head("recall", up=True)], [Number(THIRD, ".0%")])) == f"recall\n{THIRD!r}\n"
    assert words(Number(THIRD, ".0%")) == "33%" and words(fixed(0.0004, 3, least=0.001)) == "< 0.001"
    assert to_csv(table(["p"], [MISSING])) == 'p\n""\n'


def test_sources_and_commands():
    made = table(["method", "command", "record"], ["a", Code("bench preset b"), ROW])
    assert to_csv(made) == "method,command,record\na,bench preset b,bench train t a\n"
    assert "record" not in to_latex(made) and "{ll}" in to_latex(made) and "a & bench preset b" in to_latex(made)
    links = '<a href="r.json">record</a> · <a href="s.csv">scores</a> <code>bench train t a</code>'
    assert to_html(ROW) == links
    assert to_markdown(ROW) == "[record](r.json) · [scores](s.csv) `bench train t a`"


def test_html_and_markdown_escape_what_they_must():
    cell = Text("a|<b>", href="x&y", strong=True, after=" & c", links=(("d", "e"),))
    assert to_html(cell) == '<a href="x&amp;y"><strong>a|&lt;b&gt;</strong></a> &amp; c · <a href="e">d</a>'
    assert to_markdown(cell) == "[**a\\|<b>**](x&y) & c · [d](e)"
    assert to_html(fixed(1.0, 1, strong=True)) == "<strong>1.0</strong>" and to_markdown(fixed(1.0, 1)) == "1.0"


def test_latex_has_rules_caption_and_notes_as_comments():
    lines = to_latex(table(["method", "score"], ["a", Number(-1.0, "g", -2.0, -0.5)], ["[b", MISSING])).splitlines()
    assert lines == [
        "% A note_on 5 %.",
        "% Two lines.",
        r"\begin{table}",
        r"\centering",
        r"\caption{Digits: KID $\downarrow$ ($\times$10³), 95 \% \& more}",
        r"\begin{tabular}{ll}",
        r"\toprule",
        r"method & score \\",
        r"\midrule",
        r"a & $-$1 [$-$2,~$-$0.5] \\",
        r"{}[b & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_every_special_character_of_latex_is_escaped():
    text = "\\&%$#_{}~^<>"
    body = to_latex(table(["method"], [text])).split("\\midrule\n")[1].split(" \\\\\n")[0]
    known = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"}
    words = {"\\": "textbackslash", "~": "textasciitilde", "^": "textasciicircum", "<": "textless", ">": "textgreater"}
    assert body == "".join(known.get(each) or rf"\{words[each]}{{}}" for each in text)
    assert re.sub(r"\\text[a-z]+\{\}|\\[&%$#_{}]", "", body) == "", "nothing special is left"


def test_an_address_holds_the_file_and_is_plain_ascii():
    made = table(["method", "score"], ["a&b", "−1"], ["c", "ρ #2"])
    for kind, text in (("csv", to_csv(made)), ("tex", to_latex(made))):
        head, _, body = address(made, kind).partition(",")
        assert head.startswith("data:text/") and unquote(body) == text
        assert re.fullmatch(r"[A-Za-z0-9!$()*+,\-./:;=@_~%]+", body), "no character that HTML or a URL gives a meaning"
    assert file_name(made, "csv") == "digits-kid-103-95-more.csv"


def test_what_stands_between_backticks_is_code_on_a_page():
    cell = Text("run `bench a <b>` first")
    assert to_html(cell) == "run <code>bench a &lt;b&gt;</code> first"
    assert to_markdown(cell) == "run `bench a <b>` first"
