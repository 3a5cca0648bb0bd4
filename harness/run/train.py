"""The training loop, from any step to the end of the run."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.contracts import BenchError, Environments, Method, Source
from harness.run import checkpoint
from harness.run.seeds import CounterDraws
from harness.run.step import Step

HASHED_STEPS = (1, 10, 100, 1000)
OF_THE_DEVICE = {"capturable", "foreach", "fused"}  # how an optimiser makes a step, not what the step is
Progress = Callable[[int, dict[str, Tensor]], None]


@dataclass(frozen=True)
class Schedule:
    """The steps of a run.

    steps: the number of steps.
    log_points: about how many steps are logged.
    evaluations: the number of steps whose state is saved for scoring.
    checkpoint_seconds: the time between checkpoints.
    """

    steps: int
    log_points: int
    evaluations: int
    checkpoint_seconds: float = 20.0

    def logged(self, step: int) -> bool:
        return step == self.steps or step % max(1, self.steps // self.log_points) == 0

    def evaluated(self) -> list[int]:
        n = min(self.evaluations, self.steps)
        return sorted({round(self.steps * (i + 1) / n) for i in range(n)})


@dataclass
class Run:
    """The progress of a block, which is saved in its checkpoint.

    seconds: the time that it took, by the clock.
    cpu_seconds: the time that its process had a core, over all threads; other jobs on the machine do not change it.
    """

    step: int = 0
    died: dict[int, int] = field(default_factory=dict)  # place in the block -> step
    hashes: dict[int, str] = field(default_factory=dict)
    curves: list[tuple[int, dict[str, Tensor]]] = field(default_factory=list)
    pending: dict[str, Tensor] = field(default_factory=dict)  # sums [S] since the last logged step
    pending_steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    mode: str = "eager"  # or captured as a CUDA graph, or why not


def train(
    method: Method,
    source: Source | Environments,
    draws: CounterDraws,
    schedule: Schedule,
    folder: Path,
    identity: dict[str, Any],
    progress: Progress = lambda step, logs: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train to the end, starting from the newest valid checkpoint of the same identity in `folder`.

    Leaves the last two checkpoints and one `snapshot-<step>.pt` for each scored step.

    stop: called after each step; if it returns true, the run stops there with a checkpoint.
    """
    path, previous = folder / checkpoint.CHECKPOINT, folder / checkpoint.PREVIOUS
    like = _state(Run(), method, source) | {"source": {}}  # what a source remembers may grow
    run = _restore(checkpoint.newest(folder, identity, like, schedule.evaluated()), method, source)
    snapshots = set(schedule.evaluated())
    saved, step = time.monotonic(), Step(method, source, draws)
    first = run.step
    started, before = (time.monotonic(), time.process_time()), (run.seconds, run.cpu_seconds)
    while run.step < schedule.steps:
        logs = step(run.step)
        if run.step == first:
            _check_logs(logs, method)
        run.step += 1
        _log_step(run, logs, method, schedule)
        if run.step in HASHED_STEPS:
            run.hashes[run.step] = state_hash(method)
        if run.step in snapshots:
            snapshot = checkpoint.snapshot_path(folder, run.step)
            checkpoint.save(snapshot, identity, {"method": method.state_dict()})
        stopping, now = stop(), time.monotonic()
        if run.step == schedule.steps or now - saved > schedule.checkpoint_seconds or stopping:
            run.seconds = before[0] + time.monotonic() - started[0]
            run.cpu_seconds = before[1] + time.process_time() - started[1]
            run.mode = step.mode
            checkpoint.save(path, identity, _state(run, method, source), previous)
            saved = time.monotonic()
        progress(run.step, logs)
        if stopping:
            break
    return run


def state_hash(method: Method) -> str:
    """Return 16 hex digits over all parameters and buffers."""
    total = hashlib.sha256()
    for name, value in method.state_dict().items():
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()[:16]


def _check_logs(logs: Any, method: Method) -> None:
    """Raise BenchError for logs that cannot be recorded; `bench check` finds the rest."""
    told = f"{type(method).__name__}.update"
    if not isinstance(logs, dict):
        raise BenchError(f"{told} returns {_kind(logs)}: return a dict that maps names to tensors [S]")
    for name, value in logs.items():
        shape = list(value.shape) if torch.is_tensor(value) else None
        if shape != [len(method.alive)]:
            what = _kind(value) if shape is None else f"a tensor {shape}"
            raise BenchError(f"{told} returns {what} as {name!r}: return a tensor [{len(method.alive)}], one per seed")


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _log_step(run: Run, logs: dict[str, Tensor], method: Method, schedule: Schedule) -> None:
    values = {name: value.detach().double() for name, value in logs.items()}
    if run.pending.keys() == values.keys():
        torch._foreach_add_(list(run.pending.values()), list(values.values()))  # one kernel for all
    else:
        run.pending |= {name: run.pending.get(name, 0.0) + value for name, value in values.items()}
    run.pending_steps += 1
    if method.alive.device.type == "cpu" or schedule.logged(run.step):
        for place in (~method.alive).nonzero().flatten().tolist():
            run.died.setdefault(place, run.step)
    if schedule.logged(run.step):
        run.curves.append((run.step, {k: (v / run.pending_steps).cpu() for k, v in run.pending.items()}))
        run.pending, run.pending_steps = {}, 0


def _state(run: Run, method: Method, source: Source | Environments) -> dict[str, Any]:
    return {
        "run": {**run.__dict__, "curves": [list(point) for point in run.curves]},
        "method": method.state_dict(),
        "optimizers": {name: o.state_dict() for name, o in method.optimizers().items()},
        "source": source.state_dict() if hasattr(source, "state_dict") else {},
    }


def _on_device(saved: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the saved state of an optimiser for loading on the device that `optimizer` is on.

    By default torch restores how a step was executed where the state was saved, which fails or is slow on another
    device. The same flags decide where torch places the count of steps.
    """
    pairs = zip(saved["param_groups"], optimizer.param_groups)
    return saved | {"param_groups": [old | {k: own[k] for k in OF_THE_DEVICE & own.keys()} for old, own in pairs]}


def _restore(state: dict[str, Any] | None, method: Method, source: Source | Environments) -> Run:
    if state is None:
        return Run()
    method.load_state_dict(state["method"])
    for name, optimizer in method.optimizers().items():
        optimizer.load_state_dict(_on_device(state["optimizers"][name], optimizer))
    if state["source"]:
        assert hasattr(source, "load_state_dict"), "a source with state_dict must have load_state_dict"
        source.load_state_dict(state["source"])
    run = Run(**state["run"])
    run.curves = [(step, logs) for step, logs in run.curves]
    run.pending = {k: v.to(method.alive.device) for k, v in run.pending.items()}
    return run
