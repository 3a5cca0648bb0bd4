"""`bench verify`: run the first steps of a record again, and check whether the current code still produces its states.

The finding about an archived record is stored beside it, in verified.json, which the report reads. The keys of a live
record already show whether it is of this code, so the finding is only printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.jobs import Job
from harness.places.local import results
from harness.places.pool import LOG
from harness.places.prepare import prepare
from harness.places.pulse import Pulse
from harness.places.train import build_method, build_task
from harness.plan import needs
from harness.plan.identity import keys_of
from harness.plan.plan import Cell, load_plan
from harness.run.device import arithmetic, pick_device
from harness.run.params import read_yaml
from harness.run.record import to_json
from harness.run.seeds import CounterDraws
from harness.run.step import Step
from harness.run.train import HASHED_STEPS, state_hash
from harness.schema import Verified, read_head
from harness.store import HEAD, RECORDS, VERIFIED, archive_folder
from harness.workspace.copies import lock_copy, private_copy
from harness.workspace.pack import unpack
from harness.workspace.presets import compose_preset


def verify(
    root: Path,
    preset: str,
    steps: int,
    task: str | None = None,
    name: str | None = None,
    jobs: int = 1,
    timeout: float | None = None,
) -> dict[str, bool]:
    """Return {TASK/CELL: whether all hashes of the first block up to `steps` agree} for the recorded cells of a preset.

    The project's own preset is the live one; for any other preset the findings are written beside the archived records.
    Raises BenchError if there is no record, if one cannot be read, if no hash was taken so early, or if a cell could
    not be replayed; the other cells still get findings.

    jobs: the cells at the same time.
    timeout: the seconds after which a cell without progress fails.
    """
    if preset == read_yaml(root / "params.yaml").get("preset"):
        return _verify(root, root / RECORDS, steps, task, name, jobs, timeout)
    params, own = compose_preset(root, preset), f"{preset}-verify"  # the preset may be running in its own copy
    with lock_copy(root, own):
        copy = private_copy(root, own, params)
        unpack(root, preset, copy)
        return _verify(copy, archive_folder(root, preset), steps, task, name, jobs, timeout)


def _verify(
    root: Path, records: Path, steps: int, task: str | None, name: str | None, jobs: int, timeout: float | None
) -> dict[str, bool]:
    plan, archived = load_plan(root), records != root / RECORDS
    cells = [c for c in plan.cells if task in (None, c.task) and name in (None, c.name)]
    cells = [c for c in cells if (records / c.task / c.name / HEAD).is_file()]
    if not cells:
        raise BenchError(f"{records} has no record of {'/'.join(filter(None, (task, name))) or 'this preset'}")
    if archived:
        for known in dict.fromkeys(cell.task for cell in cells):
            prepare(root, plan, known)
    return found_again(root, cells, records, steps, jobs, timeout, archived)


def found_again(
    root: Path,
    cells: Sequence[Cell],
    records: Path,
    steps: int,
    jobs: int = 1,
    timeout: float | None = None,
    leave: bool = False,
) -> dict[str, bool]:
    """TASK/CELL -> whether the present code makes the states up to `steps` that its record below `records` holds.

    leave: what is found of a record is written beside it. The data are prepared. Raises BenchError as `verify` does.
    """
    expected = [_expected(records, cell, steps) for cell in cells]
    work = [
        Job(
            str(cell),
            partial(_agrees, root, cell, records / cell.task / cell.name if leave else None, hashes),
            cost=max(hashes) * len(cell.blocks[0]),
            steps=max(hashes),
        )
        for cell, hashes in zip(cells, expected, strict=True)
    ]
    return dict(zip(map(str, cells), results(work, jobs, root / LOG, timeout), strict=True))


def _expected(records: Path, cell: Cell, steps: int) -> dict[int, str]:
    """Return {step: recorded hash of the first block's state} up to `steps`."""
    hashes = read_head(records / cell.task / cell.name).state_hashes.get(0, {})
    if not (early := {k: v for k, v in sorted(hashes.items()) if k <= steps}):
        raise BenchError(
            f"{cell}: no state was hashed up to step {steps}; the first one was at step {min(hashes, default='none')}"
        )
    return early


def _agrees(root: Path, cell: Cell, folder: Path | None, expected: dict[int, str], pulse: Pulse) -> bool:
    """Replay a cell and return whether its hashes agree.

    folder: the archived record beside which the finding is stored; None for a live record.
    """
    steps = max(expected)
    agrees = _replay(root, cell, steps, pulse) == expected
    if folder is not None:
        found = Verified(agrees=agrees, steps=steps, training_key=keys_of(root, cell).training)
        write_bytes(folder / VERIFIED, to_json(found.model_dump()))
    return agrees


def _replay(root: Path, cell: Cell, steps: int, pulse: Pulse) -> dict[int, str]:
    """Return {step: hash of the first block's state} at the recorded steps."""
    torch.set_num_threads(cell.task_params.threads)
    seeds, device, found = cell.blocks[0], pick_device(), {}
    task = build_task(root, cell)
    draws = CounterDraws(seeds, f"{cell.protocol}/{cell.task}", device)
    method = build_method(cell, task, draws, device)
    needs.deliver(root, cell, method, seeds)
    source = task.source(device)
    step = Step(method, source, draws)
    with arithmetic(cell.task_params.precision, device):
        for k in range(steps):
            step(k)
            pulse.beat(k + 1)
            if k + 1 in HASHED_STEPS:
                found[k + 1] = state_hash(method)
    return found
