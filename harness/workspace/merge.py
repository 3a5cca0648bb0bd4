"""`bench merge`: copy the records of another copy into results/archive/<preset>/ as evidence."""

from __future__ import annotations

import lzma
import zipfile
from pathlib import Path

import numpy as np

from harness import packed, seal
from harness.errors import BenchError
from harness.files import write_bytes, write_folder
from harness.places.join import begins_with
from harness.plan.needs import REWARD
from harness.run.params import read_yaml
from harness.schema import read_head
from harness.store import ARCHIVE, ARTEFACTS, HEAD, RECORDS, SCORES, SEAL, VERIFIED, archive_folder, checked_name


def merge(root: Path, source: Path) -> tuple[list[Path], list[Path]]:
    """Copy every record folder of `source`, a copy of the tree, unchanged. Returns (new ones, those already here).

    A record of an earlier schema keeps it and does not count as different for that. A record without a seal is sealed
    here. A record with fewer seeds is replaced by the one to which more were joined, which counts as new. Learnt
    rewards on which no task of the preset trains stay behind, because such weights are most of an archive and cannot be
    compressed. Raises BenchError, before anything is copied, if a cell is already here with other content, and if a
    folder contains anything but plain files.
    """
    found = sorted(path.parent for path in source.glob(f"{RECORDS}/*/*/{HEAD}"))
    if not found:
        raise BenchError(
            f"{source} does not contain results/records/<task>/<cell>/record.json: name the folder of a copy"
        )
    for folder in found:
        plain_files(folder)
    targets = {folder: _target(root, folder) for folder in found}
    new = [folder for folder, target in targets.items() if not target.exists()]
    grown: list[Path] = []
    for folder in sorted(set(found) - set(new)):
        if begins_with(folder, targets[folder]):
            grown.append(folder)
        elif file := _difference(folder, targets[folder]):
            raise BenchError(f"{targets[folder] / file} differs from {folder / file}: remove the one that is wrong")
    taken = _taken(source)
    for folder in new:
        copy_record(folder, targets[folder], root, taken is None or folder.parent.name in taken)
    for folder in grown:
        replace(folder, targets[folder], taken is None or folder.parent.name in taken)
    brought = {*new, *grown}
    return [targets[f] for f in found if f in brought], [targets[f] for f in found if f not in brought]


def copy_record(folder: Path, target: Path, root: Path, rewards: bool = True) -> None:
    """Copy the files of a record's folder with their seal to a place below `root`, either all of them or none.

    In the archive the large tables are stored compressed, elsewhere as they were made. Raises BenchError for a link and
    for a record that cannot be read or does not match its seal.

    rewards: False leaves out the artefacts if they are only a learnt reward; the copy then has a seal of its own.
    """
    read_head(folder)
    contents = seal.with_seal(_contents(folder, rewards))
    if target.is_relative_to(root / ARCHIVE):  # which only grows
        contents = packed.packed(contents)
    write_folder(target, contents, root / "results")  # where no reader of records looks


def replace(folder: Path, target: Path, rewards: bool = True) -> None:
    """Put the record in `folder` over the one in `target`, under its seal; drop what `bench verify` found there.

    rewards: as of `copy_record`.
    """
    contents = _contents(folder, rewards)
    (target / VERIFIED).unlink(missing_ok=True)  # of the fewer seeds
    seal.write(target, {name: content for name, content in contents.items() if name != SEAL})
    _shrink(target)


def _contents(folder: Path, rewards: bool) -> dict[str, bytes]:
    """Return {name: content} of a record as it was made; without artefacts that are to stay behind and the old seal."""
    contents = packed.unpacked({path: path.read_bytes() for path in plain_files(folder)})
    if rewards or not _only_rewards(folder / ARTEFACTS):
        return contents
    seal.check(folder)  # before it gets another one
    return {name: content for name, content in contents.items() if name not in (ARTEFACTS, SEAL)}


def plain_files(folder: Path) -> list[Path]:
    """Return the files of a record's folder, except temporary ones of a killed write. Raises BenchError for anything
    else.
    """
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in (folder.parent, folder, *paths):
        if path.is_symlink() or not (path.is_file() or path not in paths):
            raise BenchError(f"{path} is a link or not a file: a record contains only plain files, so remove it")
    return paths


def _taken(source: Path) -> set[str] | None:
    """Return the tasks of `source` on whose learnt rewards another one trains; None if its parameters are missing."""
    if not (path := source / "params.yaml").is_file():
        return None
    tasks = read_yaml(path).get("tasks") or {}
    return {str(block["rewards"]) for block in tasks.values() if isinstance(block, dict) and block.get("rewards")}


def _only_rewards(path: Path) -> bool:
    """Return whether artefacts hold a learnt reward and nothing else, such as the episodes of an expert."""
    if not path.is_file():
        return False
    try:
        with np.load(path) as file:
            return all(name.startswith(REWARD) for name in file.files)
    except (OSError, ValueError, zipfile.BadZipFile):
        raise BenchError(f"{path} is damaged: train the cell again") from None


def _target(root: Path, folder: Path) -> Path:
    """Return where a record folder goes. Each part of its path is checked, because it comes from elsewhere."""
    task, cell = (checked_name(f"{source}: a folder of records", source.name) for source in (folder.parent, folder))
    return archive_folder(root, _preset(folder)) / task / cell


def _preset(folder: Path) -> str:
    try:
        preset = read_head(folder).preset
    except BenchError as error:
        raise BenchError(f"{folder.parents[1]}: {error}") from None
    return checked_name(f"{folder / HEAD}: its preset", preset)


def _difference(folder: Path, target: Path) -> str | None:
    """Return the first file whose content differs; provenance may differ between equal runs."""
    if not (target / HEAD).is_file() or read_head(folder) != read_head(target):
        return HEAD
    one, other = ((place / SCORES).read_bytes() if (place / SCORES).is_file() else None for place in (folder, target))
    return SCORES if one != other else None


def _shrink(folder: Path) -> None:
    """Compress the large tables of a record where it stands. Raises BenchError if its folder cannot be written."""
    for name in sorted(packed.LARGE):
        if (path := folder / name).is_file():
            write_bytes(folder / f"{name}{packed.SUFFIX}", lzma.compress(path.read_bytes(), preset=9))
            path.unlink()
