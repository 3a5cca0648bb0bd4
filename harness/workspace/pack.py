"""Long runs that outlast a machine: what is finished goes to the archive, what is not to results/unfinished/.

Both are small and in git. `unpack` puts them back into a copy of the tree, where training goes on with the same bits
as long as the code is the same: a checkpoint lies in a folder named by the key of the code it needs.
"""

from __future__ import annotations

import io
import json
import lzma
import shutil
import tarfile
from pathlib import Path

from harness.errors import BenchError
from harness.files import write_bytes
from harness.run.params import read_yaml
from harness.schema import read_head
from harness.store import HEAD, RECORDS, archive_folder, checked_name
from harness.workspace.merge import merge

UNFINISHED, RUNS = Path("results/unfinished"), Path(".scratch/runs")
LARGEST = 3_000_000  # bytes of a packed block
CONTENT = ("run.json", "checkpoint.pt", "snapshot-*.pt")


def pack(root: Path, copy: Path) -> list[Path]:
    """Merge the records of `copy` and pack its blocks that have a checkpoint but no record yet; returns the new files.

    What was packed of cells that have a record now goes. Blocks are told by the keys of their folders and records, so
    the copy may be of another commit than this code.

    Raises BenchError, once the rest is packed, for blocks larger than LARGEST.
    """
    params = copy / "params.yaml"
    packed = root / UNFINISHED / checked_name(f"{params}: preset", read_yaml(params).get("preset"))
    records = list(copy.glob(f"{RECORDS}/*/*/{HEAD}"))
    if records:
        merge(root, copy)
    finished = {read_head(path.parent).training_key for path in records}
    made, large = [], []
    for folder in sorted(path.parent for path in copy.glob(f"{RUNS}/*/*/checkpoint.pt")):
        key, seeds = folder.parent.name, folder.name
        target = packed / key / f"{seeds}.tar.xz"
        if key in finished:
            target.unlink(missing_ok=True)  # of an earlier stop
            continue
        content = _packed(folder)
        if len(content) > LARGEST:
            task = json.loads((folder / "run.json").read_text(encoding="utf-8"))["identity"]["task.name"]
            large.append(f"{task} {key} {seeds} ({len(content) / 1e6:.1f} MB)")
            continue
        write_bytes(target, content)
        made.append(target)
    if large:
        raise BenchError(
            f"not packed, larger than {LARGEST / 1e6:.0f} MB: {', '.join(large)}; the other {len(made)} blocks are"
        )
    return made


def unpack(root: Path, preset: str, copy: Path) -> int:
    """Put the archived records and unfinished blocks of a preset into `copy`; what is there stays. How many were put."""
    count = 0
    for folder in sorted(archive_folder(root, preset).glob("*/*")):
        target = copy / RECORDS / folder.parent.name / folder.name
        if not target.exists():
            shutil.copytree(folder, target)
            count += 1
    for path in sorted((root / UNFINISHED / preset).glob("*/*.tar.xz")):
        target = copy / RUNS / path.parent.name / path.name.removesuffix(".tar.xz")
        if target.exists():
            continue
        aside = target.with_name(f".{target.name}.aside")  # renamed once it is whole
        try:
            with tarfile.open(path) as archive:
                aside.mkdir(parents=True, exist_ok=True)  # of a call that was killed
                for member in archive:  # plain files by their last name: extractall has no filter before Python 3.11.4
                    if member.isfile():
                        (aside / Path(member.name).name).write_bytes(archive.extractfile(member).read())
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
