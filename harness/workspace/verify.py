"""`bench verify`: does the present code still make what an archived record holds? Its first steps are run again.

The verdict is left beside the record, in verified.json, where the report reads it.
"""

from __future__ import annotations

import json
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
from harness.run.record import to_json
from harness.run.seeds import CounterDraws
from harness.run.step import Step
from harness.run.train import HASHED_STEPS, state_hash
from harness.store import archive_folder
from harness.workspace.copies import alone, private_copy
from harness.workspace.pack import unpack
from harness.workspace.presets import compose_preset

FILE = "verified.json"


def verify(
    root: Path, preset: str, steps: int, task: str | None = None, name: str | None = None
) -> Iterator[tuple[str, bool]]:
    """(TASK/CELL, whether all hashes of the first block up to `steps` agree) of archived cells; writes their verdicts.

    Raises BenchError where nothing is archived, or no hash was taken so early.
    """
    own = f"{preset}-verify"  # the preset may be running in its own copy
    with alone(root, own):
        yield from _verify(root, preset, private_copy(root, own, compose_preset(root, preset)), steps, task, name)


def _verify(
    root: Path, preset: str, copy: Path, steps: int, task: str | None, name: str | None
) -> Iterator[tuple[str, bool]]:
    unpack(root, preset, copy)
    plan = load_plan(copy)
    archive = archive_folder(root, preset)
    wanted = [
        c
        for c in plan.cells
        if task in (None, c.task) and name in (None, c.name) and (archive / c.task / c.name).is_dir()
    ]
    if not wanted:
        raise BenchError(f"{archive} holds no record of {'/'.join(filter(None, (task, name))) or 'this preset'}")
    for cell in wanted:
        prepare(copy, plan, cell.task)
        folder = archive / cell.task / cell.name
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        hashes = {int(k): v for k, v in record["state_hashes"]["0"].items()}
        expected = {k: v for k, v in sorted(hashes.items()) if k <= steps}
        if not expected:
            raise BenchError(
                f"{cell.task}/{cell.name}: no state was hashed by step {steps}; the first was at step {min(hashes)}"
            )
        agrees = _replay(copy, cell, max(expected)) == expected
        verdict = {"agrees": agrees, "steps": max(expected), "training_key": keys_of(copy, cell).training}
        write_bytes(folder / FILE, to_json(verdict))
        yield f"{cell.task}/{cell.name}", agrees


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
