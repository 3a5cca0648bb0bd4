"""Long runs that outlast a machine: what is finished goes to the archive, what is not to results/unfinished/.

Both are small and in git. `unpack` puts them back into a copy of the tree, where training goes on with the same bits
as long as the code is the same: a checkpoint lies in a folder named by the key of the code it needs.
"""

from __future__ import annotations

import io
import lzma
import shutil
import tarfile
from pathlib import Path

from harness.commands.identity import block_folder
from harness.commands.merge import merge
from harness.commands.plan import RECORDS, load_plan
from harness.errors import BenchError
from harness.run.checkpoint import write_bytes

UNFINISHED = Path("results/unfinished")
LARGEST = 3_000_000  # bytes of a packed block
CONTENT = ("run.json", "checkpoint.pt", "snapshot-*.pt")


def pack(root: Path, copy: Path) -> list[Path]:
    """Merge the records of `copy` and pack its blocks that have a checkpoint but no record yet; returns the new files.

    What was packed of cells that have a record now goes.

    Raises BenchError, once the rest is packed, for blocks larger than LARGEST.
    """
    plan = load_plan(copy)
    packed = root / UNFINISHED / plan.params["preset"]
    if any(copy.glob("results/records/*/*/record.json")):
        merge(root, copy)
    made, large = [], []
    for cell in plan.cells:
        for seeds in cell.blocks:
            try:
                folder = block_folder(copy, cell, seeds)
            except BenchError:
                continue  # its data, or what it takes from another cell, are not there: it has not begun
            target = packed / folder.parent.name / f"{folder.name}.tar.xz"
            if (cell.folder(copy) / "record.json").exists():
                target.unlink(missing_ok=True)  # of an earlier stop
                continue
            if not (folder / "checkpoint.pt").exists():
                continue
            content = _packed(folder)
            name = f"{cell.task}/{cell.name} seeds {seeds[0]}-{seeds[-1]}"
            if len(content) > LARGEST:
                large.append(f"{name} ({len(content) / 1e6:.1f} MB)")
                continue
            write_bytes(target, content)
            made.append(target)
    if large:
        raise BenchError(f"not packed, larger than {LARGEST / 1e6:.0f} MB: {', '.join(large)}; the other {len(made)} blocks are")
    return made


def unpack(root: Path, preset: str, copy: Path) -> int:
    """Put the archived records and unfinished blocks of a preset into `copy`; what is there stays. How many were put."""
    count = 0
    for folder in sorted((root / "results/archive" / preset).glob("*/*")):
        target = copy / RECORDS / folder.parent.name / folder.name
        if not target.exists():
            shutil.copytree(folder, target)
            count += 1
    for path in sorted((root / UNFINISHED / preset).glob("*/*.tar.xz")):
        target = copy / ".scratch/runs" / path.parent.name / path.name.removesuffix(".tar.xz")
        if target.exists():
            continue
        aside = target.with_name(f".{target.name}.aside")  # renamed once it is whole
        try:
            with tarfile.open(path) as archive:
                archive.extractall(aside, filter="data")
            aside.rename(target)
        except (tarfile.TarError, lzma.LZMAError, EOFError, OSError):
            shutil.rmtree(aside, ignore_errors=True)
            raise BenchError(f"{path} is damaged: delete it to train that block again") from None
        count += 1
    return count


def _packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for path in sorted(path for pattern in CONTENT for path in folder.glob(pattern)):
            archive.add(path, path.name)
    return buffer.getvalue()
