"""Run `bench gpu`, which makes use of some minutes of a GPU: it checks results, measures speeds, and then trains cells.

It works without network, git or DVC. The data of the preset are loaded first, so that no time is spent before a missing
file is noticed. Then each part has its share of the budget and writes every row as soon as it is made. The next call
continues what is in the copy build/<preset>/: rows are kept as long as code and device are the same, and cells continue
from their checkpoints. `bench merge build/<preset>` copies finished records into the store.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import torch

from harness.checks.trial import Trial, name_of, project, stand_ins
from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.prepare import prepare
from harness.places.train import environment, finish_cell, train_block
from harness.plan import needs
from harness.plan.identity import block_folder
from harness.plan.keys import code_key, write_keys
from harness.plan.plan import Cell, Plan, load_plan
from harness.run.device import name_of as device_name
from harness.run.device import pick_device
from harness.run.params import TaskParams, digest, read_yaml
from harness.run.record import to_json
from harness.store import HEAD
from harness.workspace.copies import lock_copy, private_copy
from harness.workspace.presets import compose_preset, names

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
CHECKED, SPEEDS, ACTING = "gpu-check.json", "gpu-speed.json", "gpu-acting.json"
MOST = {CHECKED: 170.0, SPEEDS: 180.0, ACTING: 120.0}  # seconds of a part after which no new row is begun
SHARE = 0.25  # the share of the budget that no part exceeds either

Row = dict[str, Any]


class Item(NamedTuple):
    """A row to be made.

    name: what it measures, with the key of the code that it follows from.
    line: a function that returns the row as text for the terminal.
    """

    name: str
    make: Callable[[], Row]
    line: Callable[[Row], str]


def seconds(text: str) -> float:
    """Convert a duration such as 20m, 90s or 2h to seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found or not float(found[1]):
        raise BenchError(f"budget {text}: must be a number with s, m or h, such as 20m")
    return float(found[1]) * UNITS[found[2]]


def run(root: Path, preset: str | None, budget: float, order: Iterable[str] = ()) -> bool:
    """Check, measure speeds, and train cells until the budget is spent; return whether everything checked is right.

    Raises BenchError without a GPU, and if the data of the requested preset are missing.

    root: the project's folder.
    preset: the preset; None for the first preset meant for a GPU whose data are available.
    budget: the seconds to spend.
    order: TASK/CELL of the cells to train first; default: the order of the preset.
    """
    deadline = time.monotonic() + budget
    device = pick_device()
    if device.type != "cuda" and os.environ.get("BENCH_DEVICE") != "cpu":
        raise BenchError("torch sees no GPU here: run this where it does, or try it on the CPU with BENCH_DEVICE=cpu")
    presets = for_gpus(root)
    copy, plan = with_data(root, [preset] if preset else presets)
    with lock_copy(root, plan.params["preset"]):
        cells = _ordered(plan.cells, list(order))
        trials = _trials(root, [plan.params["preset"], *presets], cells, device)
        checked = _rows(copy / CHECKED, device, [_check(trial) for trial in trials], budget)
        _rows(copy / SPEEDS, device, _speeds(device), budget)
        _rows(copy / ACTING, device, _acting(root, device), budget)
        wrong = {row["cell"] for row in checked if not row["holds"]}
        kinds = {_kind(trial.cell) for trial in trials if name_of(trial.cell) in wrong}
        for cell in (cell for cell in cells if _kind(cell) in kinds):
            print(f"{name_of(cell)}: left out, because its method failed the check on this device", flush=True)
        failed = _train(copy, plan, [cell for cell in cells if _kind(cell) not in kinds], deadline)
        print(
            f"results: {copy}; `bench merge {copy}` copies finished records back,"
            f" `bench pack {copy}` unfinished ones too"
        )
        return not wrong and not failed


def for_gpus(root: Path) -> list[str]:
    """Return the presets whose files say that they are meant for a GPU."""
    return [name for name in names(root) if read_yaml(root / f"presets/{name}.yaml").get("gpu")]


def with_data(root: Path, presets: Sequence[str]) -> tuple[Path, Plan]:
    """Return the copy of the first preset whose data and engine are available, and its plan; the data have been loaded.

    Tasks whose experts are not trained yet are loaded later. Raises BenchError, with what each preset lacks, if there
    is no such preset.
    """
    lacking = []
    for preset in presets:
        params = compose_preset(root, preset)
        try:
            with lock_copy(root, preset):
                copy = private_copy(root, preset, params)
                write_keys(copy, params)
                plan = load_plan(copy)
                on_device = [cell for cell in plan.cells if getattr(cell.task_params, "physics", None) == "warp"]
                if on_device and _engine() == "none":
                    raise BenchError("physics on the GPU needs mujoco-warp: pip install 'vdb-bench[gpu]'")
                for task, params in {cell.task: cell.task_params for cell in plan.cells}.items():
                    if not _waits(params):
                        prepare(copy, plan, task)
        except BenchError as error:
            lacking.append(f"preset {preset}: {error}")
        else:
            print(f"preset {preset}: its data are available", flush=True)
            return copy, plan
    raise BenchError("; ".join(lacking))


def _waits(params: TaskParams) -> bool:
    """Return whether the task uses an expert that is trained here."""
    expert = needs.demonstrations(params)
    return expert is not None and not needs.is_archived(expert) and not needs.given(expert)


def _rows(path: Path, device: torch.device, items: Sequence[Item], budget: float) -> list[Row]:
    """Return the rows of these items on this device in `path`, and make missing ones in the time of this part."""
    deadline = time.monotonic() + min(MOST[path.name], SHARE * budget)
    told = {"device": device_name(device), "environment": environment(device)}
    held = _finished_rows(path, told["device"])
    rows = [held[item.name] for item in items if item.name in held]
    for item in (item for item in items if item.name not in held):
        if time.monotonic() >= deadline:
            break
        rows.append({"item": item.name} | item.make())
        print(item.line(rows[-1]), flush=True)
        write_bytes(path, to_json(told | {"rows": rows}))
    if items:
        print(f"{path.name}: {len(rows)} of {len(items)} rows; run the same command to make the rest", flush=True)
    return rows


def _finished_rows(path: Path, device: str) -> dict[str, Row]:
    """Return the rows that were made on this device, by item."""
    if not path.is_file():
        return {}
    held = json.loads(path.read_text(encoding="utf-8"))
    return {row["item"]: row for row in held["rows"] if "item" in row} if held["device"] == device else {}


def _trials(root: Path, presets: Sequence[str], cells: Sequence[Cell], device: torch.device) -> list[Trial]:
    """Return what is to be checked: methods of `cells`, then a cell of each algorithm and family, then the rest."""
    own, others = project(root), stand_ins(root, presets)
    known = {name_of(cell) for cell in own.cells}
    trials = [Trial(others, cell, device) for cell in others.cells if name_of(cell) not in known]
    trials += [Trial(own, cell, device) for cell in own.cells]
    wanted = {_kind(cell) for cell in cells}
    first = {id(trial) for trial in {(t.cell.family, t.cell.algorithm): t for t in reversed(trials)}.values()}
    return sorted(trials, key=lambda t: (_kind(t.cell) not in wanted, id(t) not in first))


def _kind(cell: Cell) -> tuple[str, str]:
    """Return the kind of a cell; cells of one kind run mostly the same code, so a fault of one is assumed for all."""
    return cell.family, cell.method


def _check(trial: Trial) -> Item:
    from harness.checks.on_device import check

    def make() -> Row:
        found = check(trial)
        return found._asdict() | {"holds": found.holds, "faults": found.faults}

    return Item(f"{name_of(trial.cell)} {_code(trial.cell)}", make, _format_check)


def _format_check(row: Row) -> str:
    found = f"from CPU {row['from_cpu']:7.1e}  alone/stack {row['from_stack']:7.1e}  {row['mode']}"
    return f"{row['cell']:<32} {found}" + (f"  FAILS: {'; '.join(row['faults'])}" if row["faults"] else "")


def _code(cell: Cell) -> str:
    return str(code_key(cell.family, cell.algorithm)["training"])


def _speeds(device: torch.device) -> list[Item]:
    from harness.benchmarks.device import format_row, measure_setting, settings

    updates, repeats = (30, 5) if device.type == "cuda" else (1, 2)
    code = str(code_key("images", "gan")["training"])
    return [
        Item(f"{s} {code}", lambda s=s: measure_setting(device, s, updates, repeats), format_row)
        for s in settings(device)
    ]


def _acting(root: Path, device: torch.device) -> list[Item]:
    from harness.benchmarks.physics import line, measure_work, works

    code = digest([
        code_key("locomotion", "imitation")["training"],
        code_key("maze", "imitation")["training"],
        _engine(),
    ])
    repeats = 3 if device.type == "cuda" else 1
    return [Item(f"{w.title} {code}", lambda w=w: measure_work(root, w, device, 1, repeats), line) for w in works()]


def _engine() -> str:
    """Return the version of mujoco-warp, so that rows left out without it are measured once it is installed."""
    try:
        return version("mujoco-warp")
    except PackageNotFoundError:
        return "none"


def _ordered(cells: list[Cell], order: list[str]) -> list[Cell]:
    known = {name_of(cell): cell for cell in cells}
    for name in order:
        if name not in known:
            raise BenchError(f"--cells {name}: no such cell of this preset; known: {', '.join(known)}")
    return [known[name] for name in order] + [cell for cell in known.values() if not order]


def _train(root: Path, plan: Plan, cells: list[Cell], deadline: float) -> list[str]:
    """Train and score cells one after another until `deadline`, and return those that failed, which stop no other."""
    failed = []
    for cell in (cell for cell in cells if not (cell.folder(root) / HEAD).is_file()):
        if time.monotonic() >= deadline:
            print(f"{name_of(cell)}: the budget is spent; run the same command to continue here", flush=True)
            break
        try:
            print(f"{name_of(cell)}: {_train_cell(root, plan, cell, deadline)}", flush=True)
        except (BenchError, RuntimeError) as error:  # the latter is torch's: no memory, or a kernel's fault
            failed.append(name_of(cell))
            print(f"{name_of(cell)}: FAILED, {str(error).splitlines()[0]}", flush=True)
    return failed


def _train_cell(root: Path, plan: Plan, cell: Cell, deadline: float) -> str:
    """Train one cell until the deadline, and say how far it came."""
    if _waits(cell.task_params):
        prepare(root, plan, cell.task)
    done = all(train_block(root, cell, i, deadline) for i in range(len(cell.blocks)))
    if done and time.monotonic() < deadline:
        finish_cell(root, cell)
        return "finished"
    return f"{'trained, not scored' if done else 'stopped'}, see {block_folder(root, cell, cell.blocks[0]).parent}"
