"""What a reader needs to tell lines and words apart: dashes and markers beside colours, and contrast."""

import re
from itertools import combinations, product
from pathlib import Path

from harness.report.figures import style
from harness.yaml_text import load

ROOT = Path(__file__).parents[4]
READABLE = 4.5  # WCAG 2.1, contrast of words, level AA


def contrast(a, b):
    """WCAG's ratio of two colours '#rgb' or '#rrggbb', from 1 to 21."""

    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert round(contrast("#000", "#ffffff"), 6) == 21 and contrast("#123456", "#123456") == 1
    assert round(contrast("#777777", "#fff"), 2) == 4.48, "the well-known grey that just fails"


def test_words_stand_out_from_what_is_behind_them():
    css = (ROOT / "harness/report/page/templates/page.css").read_text()
    roots = re.findall(r":root {(.*?)}", css)
    for light_or_dark in roots[:2]:
        inks = re.findall(r"--(?:ink|soft|link): (#[0-9a-f]+)", light_or_dark)
        papers = re.findall(r"--(?:paper|code|mark): (#[0-9a-f]+)", light_or_dark)
        assert len(inks) == 3 and len(papers) == 3, "the page, code, what differs"
        assert all(contrast(ink, paper) >= READABLE for ink, paper in product(inks, papers))


def test_methods_of_one_task_differ_by_dash_or_marker_whatever_their_colours():
    params = load(ROOT / "params.yaml")
    looks = style.styles(params)
    for task, block in params["methods"].items():
        for one, two in combinations(block, 2):
            a, b = looks[one], looks[two]
            assert (a.dash, a.marker) != (b.dash, b.marker), f"{task}: {one} and {two} are told apart by colour alone"


def test_the_colours_are_those_of_okabe_and_ito():
    published = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
    assert published - set(style.COLOURS) == {"#F0E442"}, "all but the pale yellow"
