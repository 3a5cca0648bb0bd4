"""Write the folder of a report: first aside, then moved in file by file. Files of other programs stay.

`manifest.txt` in the folder lists what reports wrote there, one path on each line. Only files that it lists are
removed, when the report no longer has them. A file whose bytes have not changed is not touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from harness.errors import BenchError
from harness.files import cannot_write, lock_folder, write_bytes, write_text

MAIN = "index.html"  # the page that leads to the others
MANIFEST = "manifest.txt"
HEAD = "# Files that `bench report` wrote here; it removes those that a later report has not."  # every report's
GENERATED = ("build", "reports")  # folders of the project that it makes, and may make again
SOURCES = ("baselines", "data", "harness", "pipelines", "presets", "results")


def check(root: Path, out: Path) -> None:
    """Raise BenchError if a report of the project at `root` must not be written to `out`."""
    top = _top(root, out)
    if not out.name:
        raise BenchError(f"--out {out}: must be a separate folder, such as build/report")
    if top in ("", *SOURCES) or (top or "").startswith("."):
        raise BenchError(f"--out {out} is among the project's sources: name a separate folder, such as build/report")
    if found := next((path for path in (out, *out.parents) if path.exists() and not path.is_dir()), None):
        raise BenchError(f"--out {out}: {found} is a file, so name another folder")
    if not generated(root, out) and (out / MAIN).exists() and MAIN not in _listed(out):
        raise _foreign(out / MAIN)  # reported before an hour of drawing, not after it


def generated(root: Path, out: Path) -> bool:
    """Return whether everything in `out` was made by this project."""
    return _top(root, out) in GENERATED


def replace(out: Path, files: Iterable[tuple[str, bytes]], foreign: bool = False) -> None:
    """Replace the report in `out`, and remove files that only the report before it had.

    All files are made before the first one is moved in, and they are moved in their order, in which MAIN must be last.
    So a run that fails leaves the old pages, and a reader finds a page at any time. Raises BenchError if `out` cannot
    be written or another report is being written there.

    out: the folder of the report.
    files: (path below `out`, content) of each file.
    foreign: whether a file that no report wrote may be replaced; if not, BenchError names it.
    """
    aside = out.with_name(f".{out.name}.bench-report")
    with _alone(out):
        try:
            with _told(aside):
                shutil.rmtree(aside, ignore_errors=True)  # left by a run that was killed
                aside.mkdir()
            before = _listed(out)
            names = _written(out, aside, files, None if foreign else before)
            with _told(out):
                _moved_in(out, aside, names, before)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Make the folder, and lock it against other reports while this one is written."""
    with ExitStack() as held:
        with _told(out):
            held.enter_context(lock_folder(out))
        if not os.access(out, os.W_OK | os.X_OK):
            raise BenchError(f"--out {out} cannot be written: make it writable or name another folder")
        yield


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(Path(error.filename2 or error.filename or path), error) from None


def _top(root: Path, out: Path) -> str | None:
    """Return the project's folder that contains `out`: '' for the project itself, None outside it."""
    root, out = root.resolve(), out.resolve()
    return (*out.relative_to(root).parts, "")[0] if out.is_relative_to(root) else None


def _listed(out: Path) -> set[str]:
    """Return what earlier reports wrote; lines that lead out of the folder are ignored.

    Raises BenchError for a manifest of another program.
    """
    if not (out / MANIFEST).is_file():
        return set()
    head, *names = (out / MANIFEST).read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    if head != HEAD:
        raise _foreign(out / MANIFEST)
    return {name for name in names if name and name[0] != "/" and ".." not in PurePosixPath(name).parts}


def _list(out: Path, names: Iterable[str]) -> None:
    content = "\n".join([HEAD, *sorted(set(names)), ""])
    if not _same(out / MANIFEST, content.encode()):
        write_text(out / MANIFEST, content)


def _written(out: Path, aside: Path, files: Iterable[tuple[str, bytes]], ours: set[str] | None) -> list[str]:
    """Write the files that differ from those in `out` to `aside`, and return the names of all.

    ours: the names that may be replaced; None for all.
    """
    names = []
    for name, content in files:
        path = out / name
        if found := _in_the_way(out, path):
            raise _foreign(found)
        if not _same(path, content):
            if path.exists() and ours is not None and name not in ours:
                raise _foreign(path)
            write_bytes(aside / name, content)
        names.append(name)
    return names


def _moved_in(out: Path, aside: Path, names: list[str], before: set[str]) -> None:
    _list(out, before.union(names))  # both: a run that stops midway leaves nothing that a later one would not know
    for name in names:
        if (aside / name).exists():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            Path(aside / name).replace(out / name)
    for name in before.difference(names):
        _remove(out, out / name)
    _list(out, names)


def _remove(out: Path, path: Path) -> None:
    """Remove a file and the folders that are empty without it, but nothing behind a link."""
    if _in_the_way(out, path) or not path.is_file():
        return
    path.unlink()
    for folder in path.parents:
        if folder == out or any(folder.iterdir()):
            break
        folder.rmdir()


def _in_the_way(out: Path, path: Path) -> Path | None:
    """Return what prevents a file at `path`: a folder there, or a file or a link where a folder has to be, or None."""
    folders = [folder for folder in path.parents if folder != out and folder.is_relative_to(out)]
    wrong = (folder for folder in folders if folder.is_symlink() or (folder.exists() and not folder.is_dir()))
    return path if path.is_dir() else next(wrong, None)


def _same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _foreign(path: Path) -> BenchError:
    return BenchError(f"{path} was not written by a report: move it or give another --out")
