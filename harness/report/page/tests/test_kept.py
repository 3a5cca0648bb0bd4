"""The pages of an archive are made again exactly when something that they show has changed."""

import shutil
import zipfile

import pytest

from harness.report.figures.drawings import Drawings
from harness.report.page import render as page_module
from harness.report.page.kept import Kept
from harness.report.tests.pages import render

CLAIM = """\
- id: 7
  domain: VIB
  claim: {claim}
  published: 1 against 2
  source: Table 1
  evidence: [{{preset: far, task: vib_digits, metric: error_12_codes, pairs: [[vib, deterministic]]}}]
"""


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Where figures are kept, so that they are drawn once for all tests."""
    return tmp_path_factory.mktemp("figures")


@pytest.fixture
def project(small, figures, monkeypatch):
    """A project with the archive `far`; calls: how often its page was made."""
    root, params = small
    shutil.copytree(root / "results/records", root / "results/archive/far")
    for path in (root / "results/archive/far").glob("*/*/record.json"):
        path.write_text(path.read_text().replace('"laptop"', '"far"'))
    (root / "results/claims.yaml").write_text(CLAIM.format(claim="less"))
    made = []
    page = page_module._page

    def counted(root, preset, *rest, **more):
        made.append(preset.name)
        return page(root, preset, *rest, **more)

    monkeypatch.setattr(page_module, "_page", counted)
    out = root / "reports/laptop"

    def report():
        made.clear()
        drawn, earlier = Drawings(figures), Kept(root / ".scratch/pages")
        report.refused = render(root, params, out, [params | {"preset": "far"}], drawn, earlier=earlier)
        return made.count("far"), {
            path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()
        }

    assert report()[0] == 1
    return root, report


def test_nothing_new_makes_no_page_and_the_same_bytes(project):
    root, report = project
    _, first = report()
    assert report() == (0, first)
    kept = Kept(root / ".scratch/pages")
    comment = zipfile.ZipFile(kept.scratch / "far.zip").comment.decode().split()
    assert [*kept.read("far", comment[0]).files][-1].startswith("drawn/") and kept.read("far", "another") is None
    shutil.rmtree(root / ".scratch/pages")
    assert report() == (1, first), "kept pages and new ones are equal"
    assert any(name.startswith("archived/far/tasks/") for name in first)
    assert any(name.startswith("drawn/far-") for name in first), "its packed figures stay too"


def test_another_record_or_claim_makes_the_page_again(project):
    root, report = project
    assert report()[0] == 0
    (root / "results/claims.yaml").write_text(CLAIM.format(claim="more"))
    times, files = report()
    assert times == 1 and b"more" in files["archived/far/topics/claims.html"]
    path = root / "results/archive/far/vib_digits/vib/scores.csv"
    (path.parent / "SHA256SUMS").unlink(missing_ok=True)
    rows = path.read_text().splitlines()
    path.write_text("\n".join([rows[0], *(row.rsplit(",", 1)[0] + ",0.25" for row in rows[1:])]) + "\n")
    times, after = report()
    assert times == 1 and after["archived/far/index.html"] != files["archived/far/index.html"]


@pytest.mark.parametrize("name", ["scores.csv", "curves.csv"])
def test_damage_is_told_by_every_report(project, name):
    """Also of a table that no number of the main page is read from."""
    root, report = project
    path = root / "results/archive/far/vib_digits/vib" / name
    (path.parent / "SHA256SUMS").unlink(missing_ok=True)
    path.write_text("x\n1\n")
    for _ in range(2):
        times, files = report()
        assert times == 1 and f"{name} has no column".encode() in files["archived/far/index.md"]
        assert report.refused.keys() == {"cell vib_digits/vib"}


def test_what_is_kept_may_be_damaged(project):
    root, report = project
    _, first = report()
    path = root / ".scratch/pages/far.zip"
    content = path.read_bytes()
    for damaged in (b"", b"PK", content[: len(content) // 2]):
        path.write_bytes(damaged)
        assert report() == (1, first)
    for place in (len(content) // 3, len(content) // 2, len(content) - 1):  # some bytes of a zip file mean nothing
        flipped = bytearray(content)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        assert report()[1] == first
