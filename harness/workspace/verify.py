"""`bench verify`: does the present code still make what an archived record holds? Its first steps are run again.

The verdict is left beside the record, in verified.json, where the report reads it.
"""

from __future__ import annotations

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
from harness.run.record import to_json
from harness.run.seeds import CounterDraws
from harness.run.step import Step
from harness.run.train import HASHED_STEPS, state_hash
from harness.schema import Verified, read_head
from harness.store import VERIFIED, archive_folder
from harness.workspace.copies import alone, private_copy
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
    """TASK/CELL -> whether all hashes of the first block up to `steps` agree, of archived cells; writes their verdicts.

    jobs: cells at the same time. timeout: seconds in which one has to move. Raises BenchError where nothing is
    archived, no hash was taken so early, or a cell could not be replayed; the others have their verdicts then.
    """
    own = f"{preset}-verify"  # the preset may be running in its own copy
    with alone(root, own):
        copy = private_copy(root, own, compose_preset(root, preset))
        unpack(root, preset, copy)
        plan = load_plan(copy)
        archive = archive_folder(root, preset)
        cells = [c for c in plan.cells if task in (None, c.task) and name in (None, c.name)]
        cells = [c for c in cells if (archive / c.task / c.name).is_dir()]
        if not cells:
            raise BenchError(f"{archive} holds no record of {'/'.join(filter(None, (task, name))) or 'this preset'}")
        expected = [_expected(archive, cell, steps) for cell in cells]
        for known in dict.fromkeys(cell.task for cell in cells):
            prepare(copy, plan, known)
        work = [
            Job(
                str(cell),
                partial(_judged, copy, cell, archive / cell.task / cell.name, hashes),
                cost=max(hashes) * len(cell.blocks[0]),
                steps=max(hashes),
            )
            for cell, hashes in zip(cells, expected, strict=True)
        ]
        return dict(zip(map(str, cells), results(work, jobs, copy / LOG, timeout), strict=True))


def _expected(archive: Path, cell: Cell, steps: int) -> dict[int, str]:
    """Step -> recorded hash of the first block's state, up to `steps`."""
    hashes = read_head(archive / cell.task / cell.name).state_hashes.get(0, {})
    if not (early := {k: v for k, v in sorted(hashes.items()) if k <= steps}):
        raise BenchError(
            f"{cell}: no state was hashed by step {steps}; the first was at step {min(hashes, default='none')}"
        )
    return early


def _judged(root: Path, cell: Cell, folder: Path, expected: dict[int, str], pulse: Pulse) -> bool:
    steps = max(expected)
    agrees = _replay(root, cell, steps, pulse) == expected
    verdict = Verified(agrees=agrees, steps=steps, training_key=keys_of(root, cell).training)
    write_bytes(folder / VERIFIED, to_json(verdict.model_dump()))
    return agrees


def _replay(root: Path, cell: Cell, steps: int, pulse: Pulse) -> dict[int, str]:
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
            pulse.beat(k + 1)
            if k + 1 in HASHED_STEPS:
                found[k + 1] = state_hash(method)
    return found
