"""Sheets of samples lie beside the page, with room kept for them."""

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness.errors import BenchError
from harness.metrics.sheet import encode
from harness.report.figures.sheets import sheets, tiles
from harness.report.records.aggregate import summarise
from harness.report.records.frame import load


def test_the_page_shows_each_by_file_in_its_own_size(rendered):
    root, params = rendered
    folder = root / "reports/laptop"
    html = (folder / "tasks/digits8.html").read_text()
    found = sheets(load(root, params)["digits8"])
    assert found and "data:image/png" not in html[html.index('class="sheets"') :].partition("</section>")[0]
    shown = re.findall(r'<img alt="Samples [^>]*>', html[html.index('class="sheets"') :])
    assert len(shown) == len(found)
    for sheet, text in zip(found, shown, strict=True):
        width, height = Image.open(BytesIO(sheet.png)).size
        assert f'src="../figures/{sheet.file}" width="{width}" height="{height}" loading="lazy"' in text
        assert (folder / "figures" / sheet.file).read_bytes() == sheet.png
        assert f"](figures/{sheet.file})" in (folder / "index.md").read_text()


def test_the_grid_cuts_eight_samples_out_of_each_sheet(rendered):
    """Best first, one row a method; ablations have theirs among the whole sheets."""
    root, params = rendered
    html = (root / "reports/laptop/tasks/digits8.html").read_text()
    rows = re.findall(r'<a href="../methods/(\w+).html">[^<]*</a><div class="row"', html)
    having = {cell.name for cell in load(root, params)["digits8"].cells if cell.sheet}
    assert len(rows) == len(having) and set(rows) == having
    scores = summarise(load(root, params)["digits8"]).query("metric == 'frechet_digits-cnn' and ablation == ''")
    assert rows == [name for name in scores.sort_values("value").cell if name in having]


@pytest.mark.parametrize("side", [8, 32])
def test_samples_are_found_in_a_sheet_as_it_is_written(side):
    """Enlarged to 24 pixels or as large as they are, 2 pixels apart; a sample that is all white is one too."""
    images = np.random.default_rng(0).integers(0, 250, (2, 10, 1, side, side), dtype=np.uint8)
    shown = max(side, 24)
    assert tiles(encode(images)) == (shown, shown + 2)
    images[0, 3] = 255
    assert tiles(encode(images)) == (shown, shown + 2)
    assert tiles(encode(images[:, :1])) == (shown, shown)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(40)])
def test_what_is_no_picture_is_named(small, content):
    root, params = small
    path = root / "results/records/vib_digits/vib/sheet.png"
    path.write_bytes(content)
    with pytest.raises(
        BenchError, match=r"vib_digits/vib: sheet.png is not a PNG file; run `bench train vib_digits vib`"
    ):
        sheets(load(root, params)["vib_digits"])
