"""One `bench` command in a process of its own, under a fault of the attacker's choice, and what came out of it.

Processes are forked from a server that has the libraries imported, as the imports take longer than the commands.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import multiprocessing
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

LIMIT = 120.0  # seconds of a command; longer ones hang
GRACE = 5.0  # seconds that a child may outlive its parent
TEMPORARY = "build/tmp"
NOBODY = 65534
CAPABILITIES = 0x20080522  # the version of the system call that drops them
PRELOADED = ["harness.tests.siege.warm", __name__]


@dataclass(frozen=True)
class Fault:
    """What befalls the command. kind: '' nothing; 'kill' SIGKILL, or the name of an errno, at write `at` (from 1).

    'nofile' and 'fsize' are limits of the process, of `at`; 'memory' is one of `at` MB beyond what it has; 'home',
    'tmp', 'git' and 'clock' take these away or back; 'owner' gives the project to somebody else. A write is whatever
    changes the file system in the project or in its folder `below`: opening for writing, syncing, renaming, making,
    removing. Temporary files go to `below` where that is TEMPORARY.
    """

    kind: str = ""
    at: int = 0
    below: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.at or ''} {self.below}".strip()


@dataclass(frozen=True)
class Result:
    """status: exit status, negative for a signal, None where it hung. orphans: processes that outlived it."""

    status: int | None
    text: str
    orphans: int = 0

    @property
    def wrong(self) -> str:
        """What no command may do, whatever is done to it; '' where it did none of that."""
        if self.status is None:
            return "hangs"
        if "Traceback (most recent call last)" in self.text:
            return f"traceback: {self.text.strip().splitlines()[-1][:200]}"
        if self.orphans:
            return f"{self.orphans} processes outlive it"
        if self.status not in (0, 1, 2, 130, 143, -signal.SIGKILL):
            return f"ends with status {self.status}"
        if self.status == 2 and len(self.errors) != 1:
            return f"tells {len(self.errors)} lines of error"
        return ""

    @property
    def errors(self) -> list[str]:
        return [line for line in self.text.splitlines() if "error: " in line]

    @property
    def refused(self) -> bool:
        return self.status == 2


def bench(
    root: Path, *argv: object, fault: Fault = Fault(), seconds: float = LIMIT, sent: int = 0, worker: bool = False
) -> Result:
    """Run `bench --root ROOT ARGV`.

    sent: a signal that its process is sent after `seconds`, if not 0; or, with `worker`, the first worker that is there
    then.
    """
    log = root.parent / f"{root.name}.log"
    process = _context().Process(target=_run, args=(root, log, [str(word) for word in argv], fault))
    process.start()
    assert process.pid is not None
    process.join(seconds)
    if sent and process.is_alive():
        for victim in _workers(process.pid)[:1] if worker else [process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, sent)
        process.join(LIMIT)
    hung = process.is_alive()
    if hung:
        process.kill()
        process.join()
    status = None if hung else process.exitcode
    return Result(status, log.read_text(errors="replace") if log.exists() else "", _left(process.pid))


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _left(session: int) -> int:
    """How many processes of a session live on when `GRACE` is over; they are ended then."""
    ends = time.monotonic() + GRACE
    while (left := _of(session)) and time.monotonic() < ends:
        time.sleep(0.05)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return len(left)


def _of(session: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(its) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def _workers(session: int) -> list[int]:
    """Of the processes of a session those that multiprocessing started to work."""
    found = []
    for process in _of(session):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(process)
    return found


def _run(root: Path, log: Path, argv: list[str], fault: Fault) -> None:
    """The child."""
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.environ["BENCH_DEVICE"] = "cpu"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from harness.cli import main
    from harness.places import train

    train.Schedule = partial(train.Schedule, checkpoint_seconds=0.0)  # a checkpoint after every step
    _befall(root, fault)
    sys.exit(main(["--root", str(root), *argv]))


def _befall(root: Path, fault: Fault) -> None:
    match fault.kind:
        case "":
            pass
        case "nofile":
            resource.setrlimit(resource.RLIMIT_NOFILE, (fault.at, fault.at))
        case "fsize":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (fault.at, fault.at))
        case "home":
            os.environ.pop("HOME", None)
        case "tmp":
            os.environ["TMPDIR"] = str(root / "no such folder")
        case "git":
            os.environ["PATH"] = str(root / "no such folder")
        case "clock":
            now = time.time
            time.time = lambda: now() - 1e8
        case "memory":
            pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
            most = pages * resource.getpagesize() + fault.at * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        case "owner":
            _give_away(root)
        case _:
            if fault.below == TEMPORARY:
                (root / TEMPORARY).mkdir(parents=True, exist_ok=True)
                os.environ["TMPDIR"] = str(root / TEMPORARY)
            _at_write(root / fault.below, fault)


def _give_away(root: Path) -> None:
    """Make every file another user's, and this process one whom the system forbids what it forbids all others.

    For root alone, who may give files away; it is the same user afterwards, without its privileges.
    """
    for path in [root, *root.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull  # which may trust every owner
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def _at_write(below: Path, fault: Fault) -> None:
    """Count what changes the file system in `below`; at the chosen time kill this process, or let the disk fail."""
    count = 0

    def happened(path: Any) -> None:
        nonlocal count
        if not isinstance(path, (str, os.PathLike)) or not Path(path).absolute().is_relative_to(below):
            return
        count += 1
        if fault.kind == "kill" and count == fault.at:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.kind != "kill" and count >= fault.at:  # a full disk stays full
            number = getattr(errno, fault.kind)
            raise OSError(number, os.strerror(number), os.fspath(path))

    freeing = {"os.remove", "os.rmdir"} if fault.kind == "ENOSPC" else set()

    def heard(event: str, args: tuple[Any, ...]) -> None:
        opened = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if opened or event in {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"} - freeing:
            happened(args[0])

    sync = os.fsync

    def synced(handle: int) -> None:
        happened(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    os.fsync = synced
    sys.addaudithook(heard)
