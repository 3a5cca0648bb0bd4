"""Checkpoints and snapshots: complete files with a digest that is checked before a single tensor is used.

A file consists of MAGIC, the SHA-256 of the rest, and the rest: its kind ("checkpoint", "snapshot-500"), the identity
of its run and the state, in torch's format. A damaged file, or the file of another step, block or cell, is therefore
never mistaken for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from harness.contracts import BenchError
from harness.files import cannot_write, read_bytes, write_bytes

CHECKPOINT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"
MAGIC = b"bench\x00\x01\n"  # not text, and with the version of this layout in it
HEADER = len(MAGIC) + hashlib.sha256().digest_size
ZIP = b"PK\x03\x04"  # the beginning of a file from before digests were written


class Refused(BenchError):
    """A file that is missing or damaged, or that does not match its name and its run."""


def snapshot_path(folder: Path, step: int) -> Path:
    return folder / f"snapshot-{step}.pt"


def save(path: Path, identity: dict[str, Any], state: dict[str, Any], previous: Path | None = None) -> None:
    """Write a checkpoint or a snapshot.

    Raises BenchError if it cannot be written; the earlier files then remain.

    state: tensors, numbers, strings and containers of them.
    previous: where to keep the earlier file.
    """
    buffer = io.BytesIO()
    buffer.write(bytes(HEADER))
    torch.save({"kind": _kind(path), "identity": identity, "state": state}, buffer)
    content = buffer.getbuffer()  # no copy: a state may be large
    content[:HEADER] = MAGIC + hashlib.sha256(content[HEADER:]).digest()
    write_bytes(path, content, previous)


def newest(
    folder: Path, identity: dict[str, Any], like: dict[str, Any], scored: Iterable[int]
) -> dict[str, Any] | None:
    """Return the state to continue from, which is that of the newest valid checkpoint in `folder`, or None to start
    anew.

    A checkpoint is valid if `load` accepts it and the snapshots of the steps in `scored` up to its own. Prints one line
    about the files that are rejected, and keeps them as `*.refused.pt`.
    """
    reasons: dict[Path, str] = {}
    state, unused = None, []
    for path in (folder / CHECKPOINT, folder / PREVIOUS):
        if not path.exists():
            continue
        part = path
        try:
            found = load(path, identity, like)
            for step in (step for step in scored if step <= found["run"]["step"]):
                part = snapshot_path(folder, step)
                load(part, identity, {"method": like["method"]})
        except Refused as error:
            reasons[part] = str(error)
            unused += [path, part]
        else:
            state = found
            break
    for path in unused:
        _keep_aside(path)
    if reasons:
        place = f"step {state['run']['step']}" if state else "the start"
        kept = "the rejected files are kept as *.refused.pt"
        print(f"{'; '.join(reasons.values())}: training continues from {place}; {kept}", flush=True)
    return state


def load(path: Path, identity: dict[str, Any], like: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the state saved in `path` under the same identity, with the names, shapes and dtypes of `like` if it is
    given.

    Raises Refused, which gives the reason in one line.
    """
    return check(path, read(path), identity, like)


def read(path: Path) -> bytes:
    """Return the bytes of a file. Raises Refused if it is missing, and BenchError if the system does not allow reading
    it.
    """
    try:
        return read_bytes(path)
    except FileNotFoundError:
        raise Refused(f"{path} is missing") from None
    except OSError as error:
        raise BenchError(f"cannot read {path} ({error.strerror}): make it readable or move it away") from None


def check(path: Path, content: bytes, identity: dict[str, Any], like: dict[str, Any] | None = None) -> dict[str, Any]:
    """Do what `load` does with `content`, the bytes that were read from `path`."""
    held = _open(path, content)
    theirs = held["identity"]
    if differing := sorted(k for k in theirs.keys() | identity.keys() if theirs.get(k) != identity.get(k)):
        raise Refused(f"{path} belongs to another run, which differs in {', '.join(differing)}")
    if held.get("kind", _kind(path)) != _kind(path):
        raise Refused(f"{path} is the renamed file {held['kind']} of the same run")
    if like is not None and (difference := _difference(held["state"], like)):
        raise Refused(f"{path} does not fit the method: {difference}")
    return held["state"]


def _open(path: Path, content: bytes) -> dict[str, Any]:
    """Return {"kind", "identity", "state"} of a file after checking its digest."""
    payload = memoryview(content)[HEADER:]
    if content.startswith(ZIP):  # only these files may lack a digest, and they have no "kind" either
        payload = memoryview(content)
        whole = _checksums_match(content)
    else:
        whole = content[:HEADER] == MAGIC + hashlib.sha256(payload).digest()
    if not whole:
        raise Refused(f"{path} is damaged: its digest does not match its content")
    try:
        # Load to the CPU first: the device may be absent now, and loading a state copies it anyway.
        held = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception:
        held = None
    if not isinstance(held, dict) or not isinstance(held.get("identity"), dict) or "state" not in held:
        raise Refused(f"{path} is not a checkpoint")
    return held


def _checksums_match(content: bytes) -> bool:
    """Whether the members of a zip match the checksums stored beside them, which torch itself does not check."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged table of contents may raise anything
        return False


def _kind(path: Path) -> str:
    """Return the kind of a file by its name; checkpoint.pt and checkpoint.previous.pt are of one kind."""
    return path.name.split(".")[0]


def _difference(found: Any, like: Any, name: str = "") -> str | None:
    """Describe the first name, length, shape or dtype in which a state differs from `like`. What is empty in `like` may
    be anything.
    """
    if isinstance(like, torch.Tensor):
        ours, theirs = (f"{list(x.shape)} {x.dtype}" if torch.is_tensor(x) else type(x).__name__ for x in (like, found))
        return None if ours == theirs else f"{name} is {theirs}, not {ours}"
    if not isinstance(like, (dict, list)) or not like:
        return None
    if type(found) is not type(like) and not (isinstance(found, dict) and isinstance(like, dict)):
        return f"{name or 'the state'} is {type(found).__name__}, not {type(like).__name__}"
    if isinstance(like, list):
        if len(found) != len(like):
            return f"{name} has {len(found)} entries, not {len(like)}"
        pairs = [(str(i), *pair) for i, pair in enumerate(zip(found, like))]
    else:
        assert isinstance(found, dict)
        if other := sorted(map(str, found.keys() ^ like.keys())):
            return f"{name or 'the state'} {'lacks' if other[0] in like else 'also has'} {other[0]}"
        pairs = [(str(key), found[key], like[key]) for key in like]
    return next((d for key, a, b in pairs if (d := _difference(a, b, f"{name}/{key}".lstrip("/")))), None)


def _keep_aside(path: Path) -> None:
    try:
        if path.exists():
            path.replace(path.with_suffix(".refused.pt"))
    except OSError as error:
        raise cannot_write(path, error) from None


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Allow only one process to train in a folder. Raises BenchError in a second one."""
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = held.enter_context((folder / "lock").open("w", encoding="utf-8"))
        except OSError as error:
            raise BenchError(f"cannot write {folder} ({error.strerror}): make it writable and run again") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(f"{folder} is in use by another run: wait until that has ended") from None
        yield
