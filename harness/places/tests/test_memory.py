"""A lack of memory is one line with its cure, whoever says it and in whatever words, and leaves nobody waiting."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
from multiprocessing import queues

import pytest
import torch

from harness import cli
from harness.errors import BenchError
from harness.places import memory
from harness.places.jobs import Job
from harness.places.local import results
from harness.registry import ROOT

FULL = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
TORCH = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you want 8"


def raised(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "out of memory: run fewer --jobs"),
        (RuntimeError(TORCH), "out of memory (can't allocate memory: you want 8): run fewer --jobs"),
        (torch.OutOfMemoryError("CUDA out of\nmemory"), "out of memory (CUDA out of memory): "),
        (FULL, "out of memory: "),
        (
            raised(BenchError("no import"), ImportError("x.so: failed to map segment from shared object")),
            "out of memory",
        ),
        (RuntimeError("can't start new thread"), "out of memory (can't start new thread): "),
    ],
    ids=["python", "torch", "gpu", "system", "library", "thread"],
)
def test_each_way_to_say_it_is_one_line(error: Exception, words: str) -> None:
    line = memory.told(error)
    assert line is not None and line.startswith(words) and line.endswith(memory.CURE) and "\n" not in line
    assert memory.told(BenchError(f"pair/plain block 1 of 2: {line}")) is None, "it names the job, and has been told"


@pytest.mark.parametrize("error", [BenchError("no task pair"), KeyError("memory"), OSError(errno.ENOSPC, "full")])
def test_nothing_else_is_taken_for_it(error: Exception) -> None:
    assert memory.told(error) is None


def test_a_command_that_lacks_memory_ends_with_the_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(*_: object) -> None:
        raise RuntimeError(TORCH)

    monkeypatch.setattr(cli, "parser", short)
    assert cli.main(["list"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: out of memory (can't allocate") and error.count("\n") == 1


def test_a_worker_that_no_thread_can_serve_is_an_error_and_not_waited_for() -> None:
    code = f"import {__name__} as here; here.without_threads()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "can't start new thread, 0 workers\n", "")


def without_threads() -> None:
    """In a process of its own: a pool whose queues cannot start their threads, as where no room is left for a stack."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    queues.Queue._start_thread = refuse  # type: ignore[attr-defined]
    try:
        results([Job("one", int)], 1)
    except RuntimeError as error:
        for process in multiprocessing.active_children():
            process.join(5)
        print(f"{error}, {len(multiprocessing.active_children())} workers")
