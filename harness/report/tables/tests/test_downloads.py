"""CSV that pandas reads back as numbers, LaTeX whose special characters are harmless, addresses that hold both whole."""

import io
import re
from urllib.parse import unquote

import numpy as np
import pandas as pd

from harness.report.tables.downloads import address, file_name, to_csv, to_latex
from harness.report.tables.words import Table, Text, interval, number

VALUES = [(-1.09, -1.23, -0.95), (0.5, 0.25, 0.75), (2.6e-7, -1e-4, 1e-4)]


def table(**columns):
    cells = [[Text(each) if isinstance(each, str) else each for each in column] for column in columns.values()]
    rows, notes = [list(row) for row in zip(*cells)], ["A note_on 5 %.", "Two\nlines."]
    return Table("Digits: KID ↓ (×10³), 95 % & more", list(columns), rows, notes)


def read(made):
    return pd.read_csv(io.StringIO(to_csv(made)), keep_default_na=True)


def test_an_interval_becomes_three_columns_of_numbers():
    shown = [interval(*each, 4) for each in VALUES]
    frame = read(table(method=["a, b", 'c "d"', "e"], **{"KID [95\u00a0%]": shown}))
    assert frame.columns.tolist() == ["method", "KID: value", "KID: low", "KID: high"]
    assert frame.method.tolist() == ["a, b", 'c "d"', "e"]
    np.testing.assert_allclose(frame.iloc[:, 1:].to_numpy(float), VALUES, atol=1e-9)


def test_what_is_missing_is_empty_and_a_correlation_has_its_own_column():
    cells = [interval(*VALUES[0], 2) + ", ρ\u00a0−0.40", number(3.5, 1), "–"]
    frame = read(table(method=["a", "b", "c"], difference=cells))
    assert frame.columns.tolist() == ["method", *(f"difference: {part}" for part in ("value", "low", "high", "rho"))]
    expected = [[-1.09, -1.23, -0.95, -0.4], [3.5] + [np.nan] * 3, [np.nan] * 4]
    np.testing.assert_allclose(frame.iloc[:, 1:].to_numpy(float), expected)


def test_a_column_of_mixed_words_and_plain_numbers_stays_one():
    best = [Text("GAN", href="x.html", after=": 1.9 [1.8,\u00a02.0]"), Text("is the baseline")]
    frame = read(table(task=["t", "u"], best=best, n=["10", "–"], verdict=["▲\u00a0better", "–"]))
    assert frame.columns.tolist() == ["task", "best", "n", "verdict"]
    assert frame.best.tolist() == ["GAN: 1.9 [1.8, 2.0]", "is the baseline"]
    assert frame.n[0] == 10 and np.isnan(frame.n[1]) and frame.verdict[0] == "better"


def test_the_record_column_holds_commands_in_csv_and_is_not_in_latex():
    made = table(method=["a"], record=[Text("record", "r.json", (("scores", "s.csv"),), "bench train t a")])
    assert read(made).record.tolist() == ["bench train t a"]
    assert "record" not in to_latex(made) and "{l}" in to_latex(made)


def test_latex_has_rules_caption_and_notes_as_comments():
    lines = to_latex(table(method=["a", "[b"], score=["−1 [−2,\u00a0−0.5]", "–"])).splitlines()
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
    body = to_latex(table(method=[text])).split("\\midrule\n")[1].split(" \\\\\n")[0]
    known = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"}
    words = {"\\": "textbackslash", "~": "textasciitilde", "^": "textasciicircum", "<": "textless", ">": "textgreater"}
    assert body == "".join(known.get(each) or rf"\{words[each]}{{}}" for each in text)
    assert re.sub(r"\\text[a-z]+\{\}|\\[&%$#_{}]", "", body) == "", "nothing special is left"


def test_an_address_holds_the_file_and_is_plain_ascii():
    made = table(method=["a&b", "c"], score=["−1", "ρ #2"])
    for kind, text in (("csv", to_csv(made)), ("tex", to_latex(made))):
        head, _, body = address(made, kind).partition(",")
        assert head.startswith("data:text/") and unquote(body) == text
        assert re.fullmatch(r"[A-Za-z0-9!$()*+,\-./:;=@_~%]+", body), "no character that HTML or a URL gives a meaning"
    assert file_name(made, "csv") == "digits-kid-103-95-more.csv"
