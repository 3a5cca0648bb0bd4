"""Save long runs that outlast a machine: finished cells go to the archive, unfinished blocks to results/unfinished/.

Both are small and in git. `unpack` puts them back into a copy of the tree, where training continues with the same bits
as long as the code is the same: a checkpoint is in a folder named by the key of the code it needs.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import shutil
import tarfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.files import write_bytes, write_folder
from harness.plan.identity import seeds_name
from harness.run import checkpoint
from harness.run.params import digest, read_yaml
from harness.schema import read_head
from harness.store import HEAD, RECORDS, SEAL, archive_folder, checked_name
from harness.workspace.merge import copy_record, merge

JOINED = ".scratch/joined"
UNFINISHED, RUNS = Path("results/unfinished"), Path(".scratch/runs")
LARGEST = 3_000_000  # bytes of a packed block in git
PART = 20_000_000  # bytes of a file that carries a part of a larger one
QUICKLY = 30_000_000  # bytes of content from which packing hard takes minutes
UNPACKED = 1_000_000_000  # bytes of a file in it; more would be no state that has been packed
SNAPSHOTS = "snapshot-*.pt"
CONTENT = ("run.json", checkpoint.CHECKPOINT, SNAPSHOTS, SEAL)


def pack(root: Path, copy: Path, parts: Path | None = None) -> list[Path]:
    """Merge the records of `copy`, and pack its blocks that have a checkpoint but no record yet; returns the new files.

    Packed blocks of cells that now have a record are removed. Blocks are identified by the keys of their folders and
    records, so the copy may be of another commit than this code. For each block the newest valid checkpoint is packed,
    and every snapshot must be valid. Raises BenchError, after the rest is packed, for blocks that are invalid or
    omitted.

    parts: a folder outside git for blocks larger than LARGEST, complete with the state of their optimisers, in files of
        at most PART bytes; without it such blocks are omitted.
    """
    params = copy / "params.yaml"
    packed = root / UNFINISHED / checked_name(f"{params}: preset", read_yaml(params).get("preset"))
    records = list(copy.glob(f"{RECORDS}/*/*/{HEAD}"))
    if records:
        merge(root, copy)
    heads = [read_head(path.parent) for path in records]
    finished = {(head.training_key, seeds_name(seeds)) for head in heads for seeds in head.blocks}
    made, left = [], []
    either = (checkpoint.CHECKPOINT, checkpoint.PREVIOUS)
    folders = {path.parent for name in either for path in copy.glob(f"{RUNS}/*/*/{name}")}
    for folder in sorted(folders):
        key, seeds = folder.parent.name, folder.name
        target = packed / key / f"{seeds}.tar.xz"
        if (key, seeds) in finished:
            target.unlink(missing_ok=True)  # of an earlier stop
            continue
        try:
            content = _pack(folder)
        except checkpoint.Refused as error:
            left.append(str(error))
            continue
        if len(content) > LARGEST and parts is not None:
            made += _in_parts(parts / target.relative_to(root / UNFINISHED), content)
            continue
        if len(content) > LARGEST:
            task = _identity(folder / "run.json", (folder / "run.json").read_bytes())["task.name"]
            size = f"{len(content) / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f} MB"
            left.append(f"{task} {key} {seeds} is too large ({size}): split it into parts with `--parts FOLDER`")
            continue
        write_bytes(target, content)
        made.append(target)
    if left:
        raise BenchError(f"not packed: {'; '.join(left)}; the other {len(made)} blocks were packed")
    return made


def _in_parts(target: Path, content: bytes) -> list[Path]:
    """Write `content` to files whose names say which part of how many they are, and remove those of an earlier stop."""
    for old in target.parent.glob(f"{target.name}.*-of-*"):
        old.unlink()
    pieces = [content[i : i + PART] for i in range(0, len(content), PART)]
    made = [target.with_name(f"{target.name}.{i}-of-{len(pieces)}") for i in range(1, len(pieces) + 1)]
    for path, piece in zip(made, pieces):
        write_bytes(path, piece)
    return made


def _join_parts(folder: Path, scratch: Path) -> list[Path]:
    """Return the packed blocks whose parts are in `folder`, joined below `scratch`. Raises BenchError for a missing
    part.
    """
    whole = []
    for first in sorted(folder.glob("*/*.tar.xz.1-of-*")):
        name, _, count = first.name.rpartition(".1-of-")
        parts = [first.with_name(f"{name}.{i}-of-{count}") for i in range(1, int(count) + 1)]
        if missing := [part for part in parts if not part.is_file()]:
            raise BenchError(f"{missing[0]} is missing: copy all {count} parts")
        whole.append(scratch / first.parent.name / name)
        write_bytes(whole[-1], b"".join(part.read_bytes() for part in parts))
    return whole


def unpack(root: Path, preset: str, copy: Path, parts: Path | None = None) -> int:
    """Put the archived records and unfinished blocks of a preset into `copy`, without replacing any; returns how many.

    parts: the folder to which `pack` wrote larger blocks.
    """
    count = 0
    for folder in sorted(head.parent for head in archive_folder(root, preset).glob(f"*/*/{HEAD}")):
        target = copy / RECORDS / folder.parent.name / folder.name
        if not target.exists():
            copy_record(folder, target, copy)
            count += 1
    joined = _join_parts(parts / preset, copy / JOINED) if parts is not None else []
    for path in [*sorted((root / UNFINISHED / preset).glob("*/*.tar.xz")), *joined]:
        target = copy / RUNS / path.parent.name / path.name.removesuffix(".tar.xz")
        if target.exists():
            continue
        try:
            files = _unpack(path, target)
        except checkpoint.Refused as error:
            raise BenchError(f"{path} was rejected: {error}; delete it to train that block again") from None
        except (tarfile.TarError, lzma.LZMAError, EOFError, OSError):
            raise BenchError(f"{path} is damaged: delete it to train that block again") from None
        write_folder(target, files, copy / ".scratch")
        count += 1
    shutil.rmtree(copy / JOINED, ignore_errors=True)
    return count


def _pack(folder: Path) -> bytes:
    """Return a tar.xz of the newest valid checkpoint and of the snapshots. Raises Refused if one of them is invalid."""
    files = {"run.json": checkpoint.read(folder / "run.json")}
    identity = _identity(folder / "run.json", files["run.json"])
    files[checkpoint.CHECKPOINT] = _newest(folder, identity)
    for path in sorted(folder.glob(SNAPSHOTS)):
        if not path.name.endswith(".refused.pt"):
            files[path.name] = _checked_content(path, identity)
    files[SEAL] = sums(files)
    buffer = io.BytesIO()
    preset = 0 if sum(map(len, files.values())) > QUICKLY else 6
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=preset) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _newest(folder: Path, identity: dict[str, Any]) -> bytes:
    try:
        return _checked_content(folder / checkpoint.CHECKPOINT, identity)
    except checkpoint.Refused as error:
        if not (folder / checkpoint.PREVIOUS).exists():
            raise
        print(f"{error}: packing the previous checkpoint instead", flush=True)
        return _checked_content(folder / checkpoint.PREVIOUS, identity)


def _checked_content(path: Path, identity: dict[str, Any]) -> bytes:
    content = checkpoint.read(path)
    checkpoint.check(path, content, identity)
    return content


def _unpack(path: Path, target: Path) -> dict[str, bytes]:
    """Return {name: content} of the files in `path` for the folder `target`, whose name gives their key and seeds.

    Raises Refused if they belong to another run or are damaged.
    """
    files = {}
    with tarfile.open(path) as archive:
        for member in archive:
            known = "/" not in member.name and any(fnmatch(member.name, name) for name in CONTENT)
            if not member.isfile() or not known:
                raise checkpoint.Refused(f"{member.name!a} does not belong to a packed block")
            if member.size > UNPACKED:
                raise checkpoint.Refused(f"{member.name} is larger than {UNPACKED / 1e6:.0f} MB")
            files[member.name] = archive.extractfile(member).read()
    held = files.pop(SEAL, None)  # blocks that were packed before there was one have none
    for name in ("run.json", checkpoint.CHECKPOINT):
        if name not in files:
            raise checkpoint.Refused(f"{name} is missing")
    identity = _identity(Path("run.json"), files["run.json"])
    named = digest({key: value for key, value in identity.items() if key != "seeds"})
    name = seeds_name(identity["seeds"])
    if (named, name) != (target.parent.name, target.name):
        raise checkpoint.Refused(f"it contains {named}/{name}, which is not what its name says")
    for name in files.keys() - {"run.json"}:
        checkpoint.check(Path(name), files[name], identity)
    if held is not None and held != sums(files):
        raise checkpoint.Refused(f"its files do not match {SEAL}")
    return files


def sums(files: Mapping[str, bytes]) -> bytes:
    """Return a line for each file of a packed block, as `sha256sum` writes it: run.json has no digest of its own."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return "".join(lines).encode()


def _identity(path: Path, content: bytes) -> dict[str, Any]:
    """Return the identity in the text of a run.json. Raises Refused if there is none."""
    try:
        identity = json.loads(content)["identity"]
        return {**identity, "seeds": list(identity["seeds"])}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise checkpoint.Refused(f"{path} does not identify a run") from None
