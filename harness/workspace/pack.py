"""Long runs that outlast a machine: what is finished goes to the archive, what is not to results/unfinished/.

Both are small and in git. `unpack` puts them back into a copy of the tree, where training goes on with the same bits
as long as the code is the same: a checkpoint lies in a folder named by the key of the code it needs.
"""

from __future__ import annotations

import io
import json
import lzma
import tarfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.files import write_bytes, write_folder
from harness.run import checkpoint
from harness.run.params import digest, read_yaml
from harness.schema import read_head
from harness.store import HEAD, RECORDS, archive_folder, checked_name
from harness.workspace.merge import bring, merge

UNFINISHED, RUNS = Path("results/unfinished"), Path(".scratch/runs")
LARGEST = 3_000_000  # bytes of a packed block
UNPACKED = 100_000_000  # bytes of a file in it; more would be no state that has been packed
SNAPSHOTS = "snapshot-*.pt"
CONTENT = ("run.json", checkpoint.CHECKPOINT, SNAPSHOTS)


def pack(root: Path, copy: Path) -> list[Path]:
    """Merge the records of `copy` and pack its blocks that have a checkpoint but no record yet; returns the new files.

    What was packed of cells that have a record now goes. Blocks are told by the keys of their folders and records, so
    the copy may be of another commit than this code.

    Of the checkpoints of a block the newest that holds is packed, and every snapshot has to hold.

    Raises BenchError, once the rest is packed, for blocks that do not hold or are larger than LARGEST.
    """
    params = copy / "params.yaml"
    packed = root / UNFINISHED / checked_name(f"{params}: preset", read_yaml(params).get("preset"))
    records = list(copy.glob(f"{RECORDS}/*/*/{HEAD}"))
    if records:
        merge(root, copy)
    finished = {read_head(path.parent).training_key for path in records}
    made, left = [], []
    either = (checkpoint.CHECKPOINT, checkpoint.PREVIOUS)
    folders = {path.parent for name in either for path in copy.glob(f"{RUNS}/*/*/{name}")}
    for folder in sorted(folders):
        key, seeds = folder.parent.name, folder.name
        target = packed / key / f"{seeds}.tar.xz"
        if key in finished:
            target.unlink(missing_ok=True)  # of an earlier stop
            continue
        try:
            content = _packed(folder)
        except checkpoint.Refused as error:
            left.append(str(error))
            continue
        if len(content) > LARGEST:
            task = _identity(folder / "run.json", (folder / "run.json").read_bytes())["task.name"]
            size = f"{len(content) / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f} MB"
            left.append(f"{task} {key} {seeds} is too large ({size})")
            continue
        write_bytes(target, content)
        made.append(target)
    if left:
        raise BenchError(f"not packed: {'; '.join(left)}; the other {len(made)} blocks are")
    return made


def unpack(root: Path, preset: str, copy: Path) -> int:
    """Put the archived records and unfinished blocks of a preset into `copy`; what is there stays. Returns how many."""
    count = 0
    for folder in sorted(archive_folder(root, preset).glob("*/*")):
        target = copy / RECORDS / folder.parent.name / folder.name
        if not target.exists():
            bring(folder, target, copy)
            count += 1
    for path in sorted((root / UNFINISHED / preset).glob("*/*.tar.xz")):
        target = copy / RUNS / path.parent.name / path.name.removesuffix(".tar.xz")
        if target.exists():
            continue
        try:
            files = _unpacked(path, target)
        except checkpoint.Refused as error:
            raise BenchError(f"{path} is refused: {error}; delete it to train that block again") from None
        except (tarfile.TarError, lzma.LZMAError, EOFError, OSError):
            raise BenchError(f"{path} is damaged: delete it to train that block again") from None
        write_folder(target, files, copy / ".scratch")
        count += 1
    return count


def _packed(folder: Path) -> bytes:
    """A tar.xz of the newest checkpoint that holds and of the snapshots. Raises Refused where one of them does not."""
    files = {"run.json": checkpoint.contents(folder / "run.json")}
    identity = _identity(folder / "run.json", files["run.json"])
    files[checkpoint.CHECKPOINT] = _newest(folder, identity)
    for path in sorted(folder.glob(SNAPSHOTS)):
        if not path.name.endswith(".refused.pt"):
            files[path.name] = _held(path, identity)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _newest(folder: Path, identity: dict[str, Any]) -> bytes:
    try:
        return _held(folder / checkpoint.CHECKPOINT, identity)
    except checkpoint.Refused as error:
        if not (folder / checkpoint.PREVIOUS).exists():
            raise
        print(f"{error}: the checkpoint before it is packed", flush=True)
        return _held(folder / checkpoint.PREVIOUS, identity)


def _held(path: Path, identity: dict[str, Any]) -> bytes:
    content = checkpoint.contents(path)
    checkpoint.checked(path, content, identity)
    return content


def _unpacked(path: Path, target: Path) -> dict[str, bytes]:
    """Name -> content of the files that `path` holds for the folder `target`, which names their key and seeds.

    Raises Refused where they are of another run or damaged.
    """
    files = {}
    with tarfile.open(path) as archive:
        for member in archive:
            known = "/" not in member.name and any(fnmatch(member.name, name) for name in CONTENT)
            if not member.isfile() or not known:
                raise checkpoint.Refused(f"no packed block holds {member.name!a}")
            if member.size > UNPACKED:
                raise checkpoint.Refused(f"{member.name} is larger than {UNPACKED / 1e6:.0f} MB")
            files[member.name] = archive.extractfile(member).read()
    for name in ("run.json", checkpoint.CHECKPOINT):
        if name not in files:
            raise checkpoint.Refused(f"{name} is missing")
    identity = _identity(Path("run.json"), files["run.json"])
    named = digest({key: value for key, value in identity.items() if key != "seeds"})
    if (named, _seeds(identity)) != (target.parent.name, target.name):
        raise checkpoint.Refused(f"it holds {named}/{_seeds(identity)}, not what its name says")
    for name in files.keys() - {"run.json"}:
        checkpoint.checked(Path(name), files[name], identity)
    return files


def _identity(path: Path, content: bytes) -> dict[str, Any]:
    """Of the text of a run.json. Raises Refused where it holds none."""
    try:
        identity = json.loads(content)["identity"]
        return {**identity, "seeds": list(identity["seeds"])}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise checkpoint.Refused(f"{path} names no run") from None


def _seeds(identity: dict[str, Any]) -> str:
    return "seeds-" + "-".join(map(str, identity["seeds"]))
