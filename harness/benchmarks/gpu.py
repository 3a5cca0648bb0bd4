"""`bench gpu`: what to do with some minutes of a GPU. Is it right, how fast is it, and then cells of the paper preset.

Works without network and without DVC. What a call leaves in the copy build/<preset>/ the next call goes on with:
checks and speeds that stand for the same code and device are kept, cells go on from their checkpoints. All results are
small files in that folder; `bench merge build/<preset>` brings the records into the store.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.prepare import prepare
from harness.places.train import environment, finish_cell, train_block
from harness.plan.identity import block_folder
from harness.plan.keys import key_files, write_keys
from harness.plan.plan import Cell, load_plan
from harness.run.device import name_of, pick_device
from harness.run.params import digest
from harness.run.record import to_json
from harness.workspace.copies import alone, private_copy
from harness.workspace.presets import compose_preset

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
CHECKED, SPEEDS, ACTING = "gpu-check.json", "gpu-speed.json", "gpu-acting.json"


def seconds(text: str) -> float:
    """20m, 90s or 2h in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found or not float(found[1]):
        raise BenchError(f"budget {text}: give a number with s, m or h, such as 20m")
    return float(found[1]) * UNITS[found[2]]


def run(root: Path, preset: str, budget: float, order: Iterable[str] = ()) -> bool:
    """Checks, speeds, then cells until `budget` (seconds) is spent; whether all methods passed the check.

    order: TASK/CELL by value, the first comes first; otherwise as the preset has them. Raises BenchError without a GPU.
    """
    deadline = time.monotonic() + budget
    device = pick_device()
    if device.type != "cuda" and os.environ.get("BENCH_DEVICE") != "cpu":
        raise BenchError("torch sees no GPU here: run this where it does, or try it on the CPU with BENCH_DEVICE=cpu")
    params = compose_preset(root, preset)
    with alone(root, preset):
        return _run(root, preset, params, device, list(order), deadline)


def _run(
    root: Path, preset: str, params: dict[str, Any], device: torch.device, order: list[str], deadline: float
) -> bool:
    copy = private_copy(root, preset, params)
    write_keys(copy, params)
    code = {name: key["code"] for name, key in key_files(params, copy).items()}
    told = {"device": name_of(device), "code": digest(code)}
    passed = all(row["holds"] for row in _kept(copy / CHECKED, told, lambda: _check(copy, device)))
    _kept(copy / SPEEDS, told, lambda: _speeds(device))
    _kept(copy / ACTING, told | {"engine": _engine()}, lambda: _acting(root, device))
    if not passed:
        print("the device is not right, so no cell is trained on it: mend what the check names", flush=True)
        return False
    _train(copy, _ordered(load_plan(copy).cells, order), deadline)
    print(
        f"results: {copy}; bring finished records back with `bench merge {copy}`,"
        f" unfinished ones with `bench pack {copy}`"
    )
    return True


def _kept(path: Path, told: dict[str, str], make) -> list[dict[str, Any]]:
    """The rows in `path` where they are of the same device and code, otherwise new ones."""
    if path.is_file():
        held = json.loads(path.read_text(encoding="utf-8"))
        if {key: held.get(key) for key in told} == told:
            print(f"{path.name}: done before for this device and code", flush=True)
            return held["rows"]
    rows = make()
    write_bytes(path, to_json(told | {"environment": environment(pick_device()), "rows": rows}))
    return rows


def _check(root: Path, device: torch.device) -> list[dict[str, Any]]:
    from harness.checks.on_device import TOLERANCE, check
    from harness.checks.stacking import TOLERANCE as STACKED
    from harness.checks.trial import project

    print(f"{'method':<32} from CPU  alone/stack  resumes  (at most {TOLERANCE:g}, {STACKED:g}, yes)", flush=True)
    rows = []
    for v in check(project(root), device):
        print(
            f"{v.cell:<32} {v.from_cpu:8.1e} {v.from_stack:12.1e}  {'yes' if v.resumes else 'NO':<7}  {v.mode}"
            + ("" if v.holds else f"  FAILS at {v.worst}"),
            flush=True,
        )
        rows.append(v._asdict() | {"holds": v.holds})
    return rows


def _speeds(device: torch.device) -> list[dict[str, Any]]:
    from harness.benchmarks.device import rows, told

    found = []
    for row in rows(device, 30 if device.type == "cuda" else 1, 5 if device.type == "cuda" else 2):
        print(told(row), flush=True)
        found.append(row)
    return found


def _acting(root: Path, device: torch.device) -> list[dict[str, Any]]:
    from harness.benchmarks.physics import line, rows

    found = []
    for row in rows(root, device, 1, 3 if device.type == "cuda" else 1):
        print(line(row), flush=True)
        found.append(row)
    return found


def _engine() -> str:
    """mujoco-warp's version: where it is installed later, what was left out is measured."""
    try:
        return version("mujoco-warp")
    except PackageNotFoundError:
        return "none"


def _ordered(cells: list[Cell], order: list[str]) -> list[Cell]:
    names = {f"{cell.task}/{cell.name}": cell for cell in cells}
    for name in order:
        if name not in names:
            raise BenchError(f"--cells {name}: no such cell of this preset; known: {', '.join(names)}")
    return [names[name] for name in order or names]


def _train(root: Path, cells: list[Cell], deadline: float) -> None:
    prepared = set()
    for cell in cells:
        if time.monotonic() >= deadline:
            print(f"{cell.task}/{cell.name}: the budget is spent; the same command goes on here", flush=True)
            return
        if (cell.folder(root) / "record.json").is_file():
            continue
        if cell.task not in prepared:
            prepare(root, load_plan(root), cell.task)
            prepared.add(cell.task)
        if all(train_block(root, cell, i, deadline) for i in range(len(cell.blocks))):
            finish_cell(root, cell)
            print(f"{cell.task}/{cell.name}: finished", flush=True)
        else:
            print(
                f"{cell.task}/{cell.name}: stopped, see {block_folder(root, cell, cell.blocks[0]).parent}", flush=True
            )
