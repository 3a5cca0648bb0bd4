"""A folder and a zip of the same tree are the same set, whatever their names and links."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.contracts import BenchError
from harness.tasks import images
from harness.tasks.data_files import list_images
from harness.tasks.tests.made import encoded, noise, write_folder, write_zip

PICTURES = [encoded(noise(k)) for k in range(5)]
TREE = {
    "train/cat/0.png": PICTURES[0],
    "train/dog/1.png": PICTURES[1],
    "train/dog/deep/2.png": PICTURES[2],
    "test/dog/3.png": PICTURES[3],
}


def build(root: Path, scratch: Path, **options) -> images.Images:
    params = images.Params(
        family="images",
        data="folder",
        root=str(root),
        size=32,
        seeds=(0,),
        steps=1,
        score={"encoder": "vdb-legacy"},
        **options,
    )
    return images.build("task", params, scratch)


def zip_of(path: Path, entries: list[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    """A zip with its names as given; `ZipFile.write` would tidy them."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            info = name
            if isinstance(name, str):
                info = zipfile.ZipInfo()
                info.filename = name
            archive.writestr(info, data)
    return path


def listed(path: Path) -> list[tuple[str, int, int, bytes]]:
    return [(file.name, file.size, file.crc, file.read()) for file in list_images(path)]


def test_linked_folders_and_files_count_as_what_they_lead_to(tmp_path):
    store = write_folder(tmp_path / "store", {"dog/1.png": PICTURES[1], "dog/deep/2.png": PICTURES[2]})
    (tmp_path / "3.png").write_bytes(PICTURES[3])
    root = write_folder(tmp_path / "set", {"train/cat/0.png": PICTURES[0]})
    (root / "train/dog").symlink_to(store / "dog")
    (root / "test/dog").mkdir(parents=True)
    (root / "test/dog/3.png").symlink_to("../../../3.png")
    assert listed(root) == listed(write_zip(tmp_path / "set.zip", TREE)) and len(listed(root)) == 4
    task = build(root, tmp_path / "scratch")
    assert task.pixels.classes == ("cat", "dog") and task.train_labels.tolist() == [0, 1, 1]
    assert task.data_hash == build(tmp_path / "set.zip", tmp_path / "scratch").data_hash
    (tmp_path / "link").symlink_to(root)
    assert listed(tmp_path / "link") == listed(root)


def test_the_same_folder_may_be_linked_twice(tmp_path):
    write_folder(tmp_path / "set", {"train/a/0.png": PICTURES[0]})
    (tmp_path / "set/train/b").symlink_to("a")
    assert [name for name, *_ in listed(tmp_path / "set")] == ["train/a/0.png", "train/b/0.png"]


@pytest.mark.parametrize("links", [{"train/up": "."}, {"train/cat/x": "../dog", "train/dog/y": "../cat"}])
def test_links_in_a_circle_are_named(tmp_path, links):
    root = write_folder(tmp_path, TREE)
    for link, target in links.items():
        (root / link).symlink_to(target)
    with pytest.raises(BenchError, match="(up|x/y) is a link to a folder that it lies in: remove the link"):
        list_images(root)


@pytest.mark.parametrize("name", ["train/cat/9.png", "train/9"])
def test_a_link_without_a_target_is_named(tmp_path, name):
    root = write_folder(tmp_path, TREE)
    (root / name).symlink_to("gone")
    with pytest.raises(BenchError, match=name):
        list_images(root)


def test_a_pipe_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(write_folder(tmp_path, TREE) / "train/cat/9.png")
    with pytest.raises(BenchError, match="train/cat/9.png in .* is a broken link"):
        list_images(tmp_path)


def test_a_link_in_a_zip_is_named(tmp_path):
    link = zipfile.ZipInfo("train/bird")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(BenchError, match="train/bird in .* is a link: zip the file or folder that it leads to"):
        list_images(zip_of(tmp_path / "set.zip", [*TREE.items(), (link, b"dog")]))


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    root, listing = write_folder(tmp_path, TREE), Path.iterdir

    def closed(folder):
        if folder.name == "dog":
            raise PermissionError(13, "Permission denied")
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(BenchError, match=r"cannot read .*dog \(Permission denied\)"):
        list_images(root)


@pytest.mark.parametrize("spelling", ["./{}", "/{}", "C:/{}", ".//./{}"])
@pytest.mark.parametrize("separator", ["/", "\\"])
def test_spellings_of_names_in_a_zip(tmp_path, spelling, separator):
    entries = [(spelling.format(name).replace("/", separator), data) for name, data in TREE.items()]
    folders = [(spelling.format("train/cat/").replace("/", separator), b"")]
    plain = write_folder(tmp_path / "set", TREE)
    assert listed(zip_of(tmp_path / "set.zip", folders + entries)) == listed(plain)


def test_a_folder_unpacked_with_backslashes_in_its_names_is_the_same_set(tmp_path):
    flat = write_folder(tmp_path / "flat", {name.replace("/", "\\"): data for name, data in TREE.items()})
    assert len(list(Path(flat).iterdir())) == 4 and listed(flat) == listed(write_folder(tmp_path / "set", TREE))


def test_hidden_parts_are_passed_over_in_both(tmp_path):
    hidden = {".git/a.txt": b"", "./train/.x/b.txt": b"", "train/cat/.DS_Store": b"", "__MACOSX/train/0.png": b""}
    whole = write_folder(tmp_path / "set", TREE)
    folder = write_folder(tmp_path / "more", TREE | hidden)
    (folder / ".loop").symlink_to(".")
    assert listed(folder) == listed(zip_of(tmp_path / "set.zip", [*TREE.items(), *hidden.items()])) == listed(whole)


@pytest.mark.parametrize("name", ["train/cat/0.png", "./train/cat/0.png", "train\\cat\\0.png"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice_is_refused(tmp_path, name):
    with pytest.raises(BenchError, match="holds train/cat/0.png twice"):
        list_images(zip_of(tmp_path / "set.zip", [*TREE.items(), (name, PICTURES[4])]))


@pytest.mark.parametrize("name", ["../9.png", "train/../9.png", "train\\..\\9.png", "/../9.png"])
def test_names_that_leave_the_zip_are_refused(tmp_path, name):
    with pytest.raises(BenchError, match=r"9.png in .* leads out of the set by '\.\.'"):
        list_images(zip_of(tmp_path / "set.zip", [*TREE.items(), (name, PICTURES[4])]))


def test_accents_are_one_name_however_composed(tmp_path):
    composed, apart = (unicodedata.normalize(form, "train/café/0.png") for form in ("NFC", "NFD"))
    assert composed != apart
    folder = write_folder(tmp_path / "set", {apart: PICTURES[0]})
    assert listed(folder) == listed(write_zip(tmp_path / "set.zip", {composed: PICTURES[0]}))
    write_folder(folder, {composed: PICTURES[0]})
    with pytest.raises(BenchError, match=f"{composed} twice"):
        list_images(folder)


def test_utf8_names_without_their_flag(tmp_path):
    """As zip programs on Unix write them: the bytes of the file system, with no word on their encoding."""
    whole = write_zip(tmp_path / "a.zip", {"train/café/0.png": PICTURES[0], "train/猫/1.png": PICTURES[1]})
    data = bytearray(whole.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + flags + 1] &= ~0x08
    (tmp_path / "b.zip").write_bytes(data)
    assert "train/café/0.png" not in zipfile.ZipFile(tmp_path / "b.zip").namelist()
    assert listed(tmp_path / "b.zip") == listed(whole)


def test_names_in_another_encoding_are_refused(tmp_path):
    folder = tmp_path / "set/train" / os.fsdecode(b"caf\xe9")
    folder.mkdir(parents=True)
    (folder / "0.png").write_bytes(PICTURES[0])
    whole = write_zip(tmp_path / "set.zip", {"train/cafe/0.png": PICTURES[0]})
    whole.write_bytes(whole.read_bytes().replace(b"train/cafe", b"train/caf\xe9"))
    for path in (tmp_path / "set", whole):
        with pytest.raises(BenchError, match=r"the name train/caf\\xe9/0.png in .* is not UTF-8: rename it"):
            list_images(path)


def test_names_do_not_depend_on_the_locale(tmp_path):
    """Python reads names of files in the locale's encoding; ASCII, with UTF-8 mode off, stands for all of them."""
    write_folder(tmp_path / "set", {"train/猫/0.png": PICTURES[0], "train/café/1.png": PICTURES[1]})
    code = (
        "import sys; from harness.tasks.data_files import list_images; "
        "print(sys.getfilesystemencoding(), ascii([file.name for file in list_images('set')]))"
    )
    settings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    search = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, sys.path)])
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | settings | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["ascii", *ascii(["train/café/1.png", "train/猫/0.png"]).split()]


def test_parts_may_be_spelt_as_names_in_a_zip_are(tmp_path):
    root = write_folder(tmp_path / "set", TREE)
    plain = build(root, tmp_path / "scratch")
    for train, test in (("./train", "test/"), ("/train/", ".\\test")):
        assert build(root, tmp_path / "scratch", train=train, test=test).data_hash == plain.data_hash


def test_test_images_that_are_all_trained_on_are_refused(tmp_path):
    root = write_folder(tmp_path / "set", {name: data for name, data in TREE.items() if name.startswith("train")})
    (root / "test").symlink_to("train")
    with pytest.raises(BenchError, match="every image in test of .* is also a training image"):
        build(root, tmp_path / "scratch")
    (root / "test").unlink()
    write_folder(root, {"test/dog/1.png": PICTURES[1], "test/dog/4.png": PICTURES[4]})
    np.testing.assert_array_equal(build(root, tmp_path / "scratch").test_images[1], noise(4).transpose(2, 0, 1))
