"""Sheets of samples lie beside the page, with room kept for them."""

import re
from io import BytesIO

import pytest
from PIL import Image

from harness.errors import BenchError
from harness.report.figures.sheets import sheets
from harness.report.records.frame import load


def test_the_page_shows_each_by_file_in_its_own_size(rendered):
    root, params = rendered
    folder = root / "reports/laptop"
    html = (folder / "tasks/digits8.html").read_text()
    found = sheets(load(root, params)["digits8"])
    assert found and "data:image/png" not in html[html.index('class="sheets"') :].partition("</section>")[0]
    shown = re.findall(r'<img alt="Samples [^>]*>', html)
    assert len(shown) == len(found)
    for sheet, text in zip(found, shown, strict=True):
        width, height = Image.open(BytesIO(sheet.png)).size
        assert f'src="../figures/{sheet.file}" width="{width}" height="{height}" loading="lazy"' in text
        assert (folder / "figures" / sheet.file).read_bytes() == sheet.png
        assert f"](figures/{sheet.file})" in (folder / "index.md").read_text()


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(40)])
def test_what_is_no_picture_is_named(small, content):
    root, params = small
    path = root / "results/records/vib_digits/vib/sheet.png"
    path.write_bytes(content)
    with pytest.raises(
        BenchError, match=r"vib_digits/vib: sheet.png is not a PNG file; run `bench train vib_digits vib`"
    ):
        sheets(load(root, params)["vib_digits"])
