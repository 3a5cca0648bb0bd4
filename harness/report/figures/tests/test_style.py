"""What a reader needs to tell lines and words apart: dashes and markers beside colours, and contrast."""

import re
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from harness.report.figures import style
from harness.workspace.presets import compose_preset, names
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


@pytest.mark.parametrize("preset", [None, *names(ROOT)])
def test_methods_of_one_task_differ_by_dash_or_marker_whatever_their_colours(preset):
    params = compose_preset(ROOT, preset) if preset else load(ROOT / "params.yaml")
    looks = style.styles(params)
    listed = params["report"]["looks"]
    assert len(listed) == len(set(listed)) and looks.keys() <= set(listed), "add the new names at the end"
    for task, block in params["methods"].items():
        for one, two in combinations(block or {}, 2):
            a, b = looks[one], looks[two]
            assert (a.dash, a.marker) != (b.dash, b.marker), f"{task}: {one} and {two} are told apart by colour alone"


def test_a_new_method_changes_the_look_of_no_other():
    """Wherever it stands among the methods, listed or not; and a listed name never looks like one that is not."""
    params = load(ROOT / "params.yaml")
    looks = style.styles(params)
    for task, name in product(params["methods"], ("newcomer", "a")):
        more = load(ROOT / "params.yaml")
        more["methods"][task] = {name: {}, **more["methods"][task]}
        more["methods"] = dict(reversed(more["methods"].items()))
        more["report"]["looks"].append("another")
        found = style.styles(more)
        assert {kept: found[kept] for kept in looks} == looks
        assert found[name] == style.look(name, name, []), "its own look hangs on its letters alone"
    shown = {(look.colour, look.dash, look.marker) for look in looks.values()}
    assert len(shown) == len(looks)
    others = [style.look(f"method {k}", "", params["report"]["looks"]) for k in range(500)]
    assert shown.isdisjoint((look.colour, look.dash, look.marker) for look in others)
    assert len({look.colour for look in others}) == len(style.COLOURS) and len({look.marker for look in others}) == 7


# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as it is seen.
VISION = {
    "all colours": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
NOTICED = 5.0  # CIE 1976 distance; 2.3 is just noticeable side by side


def lab(colour, seen):
    """CIELAB under D65 of a colour '#rrggbb' as it is seen."""
    parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(np.array(seen) @ linear, 0, 1) / to_xyz.sum(1)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def test_cielab_is_that_of_the_standard():
    assert lab("#ffffff", np.eye(3)) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab("#ff0000", np.eye(3)) == pytest.approx([53.24, 80.09, 67.20], abs=0.1)


@pytest.mark.parametrize("vision", VISION)
def test_colours_differ_for_every_vision(vision):
    for one, two in combinations(style.COLOURS, 2):
        far = float(np.linalg.norm(lab(one, VISION[vision]) - lab(two, VISION[vision])))
        assert far > NOTICED, f"{one} and {two} are {far:.1f} apart"


def test_the_colours_are_those_of_okabe_and_ito():
    published = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
    assert published - set(style.COLOURS) == {"#F0E442"}, "all but the pale yellow"
