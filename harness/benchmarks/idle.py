"""Time `dvc repro` with nothing to do: `bench speed idle`.

It runs in a fresh clone of the commit that is checked out, in which all records are up to date.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from harness.benchmarks.record import Options, alternate, at_most, record, row
from harness.errors import BenchError
from harness.report.records.measured import Record

AIM = 8.0
SAID = "up to date"


def measure(options: Options) -> Iterator[Record]:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        command = ["git", "clone", "--quiet", options.root, clone]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
        if done.returncode:
            raise BenchError(f"{options.root} cannot be cloned by git: {done.stderr.strip().splitlines()[-1]}")
        status = _dvc(
            clone, "status", "--quiet"
        )  # also fills DVC's own cache of hashes, as the first of any two runs does
        if status.returncode:
            raise BenchError(
                "DVC has work to do in this commit: run `dvc repro`, commit the records, and time it again"
            )

        def seconds(_: int) -> float:
            started = time.perf_counter()
            run = _dvc(clone, "repro")
            spent = time.perf_counter() - started
            if run.returncode or SAID not in run.stdout:
                raise BenchError(
                    f"dvc repro did not find everything {SAID}: {(run.stderr or run.stdout).strip().splitlines()[-1]}"
                )
            return spent

        made = [values["ours"] for _, values in alternate(options, ours=seconds)]
    rows = [row("dvc repro", "s", made, aim=at_most(AIM, "ours"))]
    yield record(
        options, "idle", "The pipeline with nothing to do", rows, {"preset": "laptop", "tree": "a fresh clone"}
    )


def _dvc(folder: Path, *words: str) -> subprocess.CompletedProcess:
    beside = Path(sys.executable).with_name("dvc")
    command = [beside if beside.is_file() else shutil.which("dvc") or "dvc", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)
