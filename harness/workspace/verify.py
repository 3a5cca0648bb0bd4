"""`bench verify`: does the present code still make what a record holds? Its first steps are run again.

The verdict on an archived record is left beside it, in verified.json, where the report reads it; a live record is told
by its keys already whether it is of this code, so of it only the verdict is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from harness.errors import BenchError
from harness.files import write_bytes
from harness.places.prepare import prepare
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
from harness.workspace.copies import private_copy
from harness.workspace.pack import unpack
from harness.workspace.presets import compose_preset


def verify(
    root: Path, preset: str, steps: int, task: str | None = None, name: str | None = None
) -> Iterator[tuple[str, bool]]:
    """(TASK/CELL, whether all hashes of the first block up to `steps` agree) of the recorded cells of a preset.

    The project's own preset is the live one; of any other the verdicts are written beside the archived records.

    Raises BenchError where there is no record, one cannot be read, or no hash was taken so early.
    """
    live = preset == read_yaml(root / "params.yaml").get("preset")
    if live:
        copy, plan, records = root, load_plan(root), root / RECORDS
    else:
        # The preset may be running in its own copy.
        copy = private_copy(root, f"{preset}-verify", compose_preset(root, preset))
        unpack(root, preset, copy)
        plan, records = load_plan(copy), archive_folder(root, preset)
    wanted = [
        c
        for c in plan.cells
        if task in (None, c.task) and name in (None, c.name) and (records / c.task / c.name / HEAD).is_file()
    ]
    if not wanted:
        raise BenchError(f"{records} holds no record of {'/'.join(filter(None, (task, name))) or 'this preset'}")
    for cell in wanted:
        if not live:
            prepare(copy, plan, cell.task)
        folder = records / cell.task / cell.name
        hashes = read_head(folder).state_hashes.get(0, {})
        expected = {k: v for k, v in sorted(hashes.items()) if k <= steps}
        if not expected:
            raise BenchError(
                f"{cell}: no state was hashed by step {steps}; the first was at step {min(hashes, default='none')}"
            )
        agrees = _replay(copy, cell, max(expected)) == expected
        if not live:
            verdict = Verified(agrees=agrees, steps=max(expected), training_key=keys_of(copy, cell).training)
            write_bytes(folder / VERIFIED, to_json(verdict.model_dump()))
        yield str(cell), agrees


def _replay(root: Path, cell: Cell, steps: int) -> dict[int, str]:
    """Step -> hash of the first block's state, at the steps of record."""
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
            if k + 1 in HASHED_STEPS:
                found[k + 1] = state_hash(method)
    return found
