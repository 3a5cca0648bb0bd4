"""A film is shown beside the runs that it shows, and beside no others; on paper it stands still."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from harness.errors import BenchError
from harness.report.figures.films import FILM, films
from harness.report.records.frame import load
from harness.report.tests.pages import render

KEY = "0" * 16  # of the fake tree's records
CAPTION = "From left to right: clip, vib."


def written(root: Path, said: dict | None, task: str = "vib_digits") -> Path:
    frames = [Image.fromarray(np.full((4, 8), 10 * k, np.uint8)) for k in range(12)]
    text = PngImagePlugin.PngInfo()
    if said is not None:
        text.add_text(FILM, json.dumps(said))
    path = root / "results/records" / task / FILM
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=66, pnginfo=text)
    return path


def said(**changes) -> dict:
    panel = {"cell": "vib", "seed": 3, "training_key": KEY} | changes
    return {"panels": [{"cell": "clip"}, panel], "seconds": 2.0}


def shown(frames):
    return films(frames["vib_digits"], frames)


def test_moments_at_even_distances_stand_below_each_other(small):
    root, params = small
    path = written(root, said())
    (film,) = shown(load(root, params))
    assert film.png == path.read_bytes() and film.size == (8, 4) and film.titles == ["clip", "vib"]
    with Image.open(BytesIO(film.stills)) as stills:
        assert np.array_equal(np.asarray(stills)[::4, 0, 0], [0, 20, 40, 60, 80, 100])
    assert film.caption.startswith(CAPTION) and "2 s of the policy's mode, seed 3" in film.caption


@pytest.mark.parametrize("changes", [{"training_key": "f" * 16}, {"cell": "gone"}])
def test_a_film_of_other_runs_is_not_shown(changes, small):
    root, params = small
    written(root, said(**changes))
    assert shown(load(root, params)) == []


def test_a_robot_is_shown_beside_the_expert_of_another_task(small):
    root, params = small
    expert = {"task": "teacher", "cell": "deterministic", "seed": 0, "training_key": KEY}
    written(root, {"panels": [expert, {"cell": "vib", "seed": 0, "training_key": KEY}], "seconds": 1.0})
    frame = load(root, params)["vib_digits"]
    (film,) = films(frame, {"vib_digits": frame, "teacher": frame})
    assert len(film.titles) == 2 and "All begin in the same states." in film.caption and "seed 0;" in film.caption
    assert film.alt.startswith("Film of a robot in 2 panels: ")
    assert films(frame, {"vib_digits": frame}) == [], "the expert's task is gone"


def test_a_picture_that_says_nothing_is_named(small):
    root, params = small
    written(root, None)
    with pytest.raises(BenchError, match=r"film\.png is not a film .*: run `bench film`, or remove the file"):
        shown(load(root, params))


def test_the_page_moves_and_its_print_does_not(small):
    root, params = small
    written(root, said())
    render(root, params, root / "out")
    page = (root / "out/tasks/vib_digits.html").read_text()
    assert 'src="../figures/vib_digits-film.png"' in page and 'src="../figures/vib_digits-stills.png"' in page
    assert {"vib_digits-film.png", "vib_digits-stills.png"} <= {p.name for p in (root / "out/figures").iterdir()}
    assert (
        "![Film of a flat figure in 2 panels: clip, vib.](figures/vib_digits-film.png)"
        in (root / "out/index.md").read_text()
    )
