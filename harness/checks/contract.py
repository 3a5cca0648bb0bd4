"""Check what a method promises (`harness.contracts.Method`), with one check for each promise.

A check returns the faults as text, or nothing if the promise is kept. `bench check METHOD` prints them, and the tests
run them for everything that is registered.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness import registry
from harness.checks.same import differences
from harness.checks.stacking import OTHER, STACK, TOLERANCE, parted
from harness.checks.trial import SEEDS, WATCHED_STEPS, Stopped, Trial
from harness.contracts import Method, Settings
from harness.run.train import state_hash

STOP, BREAK = 5, 3
SIGNATURE = ["params", "spec", "draws", "device"]
OWN = set(vars(nn.Module()))
PLAIN = (bool, int, float, str, type(None), Tensor, np.ndarray, list, tuple, dict)


def file(trial: Trial) -> list[str]:
    """Check that the algorithm's file has Params, FAMILIES and build."""
    module, faults = registry.algorithm(trial.cell.algorithm), []
    if not issubclass(module.Params, Settings):
        faults.append("Params is not a Settings: write `class Params(Settings)`, so that misspelt keys are an error")
    strange = set(module.FAMILIES) - set(registry.families())
    if (
        strange and trial.cell.algorithm not in registry.packaged_algorithms()
    ):  # a package may serve other versions of this project
        faults.append(f"FAMILIES names {_listed(strange)}; the task families are {_listed(registry.families())}")
    if list(inspect.signature(module.build).parameters) != SIGNATURE:
        faults.append(f"build must take the arguments ({', '.join(SIGNATURE)})")
    return faults


def state(trial: Trial) -> list[str]:
    """Check that all state has the seeds as first axis, and that the optimisers hold every parameter exactly once.

    A policy that TRPO updates has no optimiser, and neither has one that is never updated.
    """
    method, alone = trial.watched.method, trial.build(SEEDS[:1]).state_dict()
    if not isinstance(method, Method):
        return [f"build returns a {type(method).__name__}: derive it from harness.contracts.Method"]
    faults = []
    alive = dict(method.named_buffers()).get("alive")
    if alive is None or alive.dtype != torch.bool or alive.shape != (len(SEEDS),):
        faults.append("`alive` is missing: begin the constructor with super().__init__(draws.n_seeds)")
    for name, value in method.state_dict().items():
        if name not in alone:
            faults.append(f"{name} appears only while training: register it when the method is built")
        elif value.shape != (len(SEEDS), *value.shape[1:]) or alone[name].shape != (1, *value.shape[1:]):
            faults.append(
                f"{name} has shape {list(value.shape)} for {len(SEEDS)} seeds and {list(alone[name].shape)} for one:"
                " give it the seeds as first axis, [draws.n_seeds, ...]"
            )
    return faults + _optimiser_faults(method)


def _optimiser_faults(method: Method) -> list[str]:
    names = {id(p): name for name, p in method.named_parameters()}
    trainable = {
        id(p) for name, p in method.named_parameters() if p.requires_grad and not _moved_directly(method, name)
    }
    held = [id(p) for o in method.optimizers().values() for group in o.param_groups for p in group["params"]]
    missing = [names[i] for i in trainable - set(held)]
    faults = (
        [f"no optimiser of optimizers() holds {_listed(missing)}: add it, or set requires_grad_(False)"]
        if missing
        else []
    )
    if twice := {names.get(i, "a tensor") for i in held if held.count(i) > 1}:
        faults.append(f"optimizers() hold {_listed(twice)} twice: give each parameter to one optimiser")
    if set(held) - trainable - {id(p) for p in method.parameters()}:
        faults.append(
            "optimizers() hold a tensor that is not a parameter of the method: keep its module as an attribute"
        )
    elif strange := [names[i] for i in set(held) - trainable]:
        faults.append(f"optimizers() hold {_listed(strange)}, which requires no gradient: leave it out")
    return faults


def _moved_directly(method: Method, name: str) -> bool:
    return "policy" in name.split(".") and "policy" not in method.optimizers()


def logs(trial: Trial) -> list[str]:
    """Check that each log is one finite, detached number per seed, and that no seed of a healthy run dies."""
    faults: dict[str, None] = {}
    for step, entries in enumerate(trial.watched.logs, 1):
        if not isinstance(entries, dict):
            return [f"update returns a {type(entries).__name__}: return a dict that maps names to tensors [S]"]
        for name, value in entries.items():
            if fault := _log_fault(value):
                faults.setdefault(f"log {name} {fault.format(step=step)}")
    if faults:
        return list(faults)
    run, method = trial.reference.run, trial.reference.method
    dead = {SEEDS[place]: step for place, step in run.died.items()}
    faults |= {
        f"seed {seed} diverged at step {step} of a healthy run: lower the learning rate, or look for a NaN": None
        for seed, step in dead.items()
    }
    if not dead and not method.alive.all():
        faults["`alive` is false for a healthy seed"] = None
    return list(faults)


def _log_fault(value: Any) -> str | None:
    if not isinstance(value, Tensor):
        return f"is a {type(value).__name__}: return a tensor with one value per seed, [S]"
    if value.shape != (len(SEEDS),):
        return (
            f"has shape {list(value.shape)} for {len(SEEDS)} seeds:"
            " reduce over all axes but the first, e.g. x.flatten(1).mean(1)"
        )
    if value.requires_grad:
        return "still has its graph: return value.detach()"
    return None if torch.isfinite(value).all() else "is not finite at step {step}"


def stacking(trial: Trial) -> list[str]:
    """Check that a seed trained alone equals the same seed in a stack."""
    last = (len(STACK) - 1,)
    difference, name = parted(trial, last)
    if difference < TOLERANCE or parted(trial, last, OTHER)[0] < TOLERANCE:
        return []
    return [
        (
            f"seed {STACK[-1]} trained alone and the same seed in a stack of five end differently ({name},"
            f" {difference:.0e} of its length; rounding causes less than {TOLERANCE:g}): something reduces over the"
            " seed axis; reduce over all axes but the first"
        )
    ]


def draws(trial: Trial) -> list[str]:
    """Check that no global generator is used, because all random numbers must come from `draws`."""
    watched = trial.watched
    mend = "draw from `draws` instead, e.g. draws.normal(stream, name, shape)"
    if watched.places:
        found = {f"{p.call} at {relative_path(p.file)}:{p.line}": None for p in watched.places}
        return [f"{_listed(found)} uses torch's global generator: {mend}"]
    if watched.moved:
        return [f"{_listed(watched.moved)} global generator has changed (by dropout, a sampler, a shuffle?): {mend}"]
    kept = trial.load(trial.reference.folder, f"snapshot-{WATCHED_STEPS}.pt")["method"]
    if paths := differences(watched.method.state_dict(), kept):
        return [
            (
                f"the same {WATCHED_STEPS} steps taken again end in a different state ({_tensor(paths)}): something"
                f" random comes from elsewhere, or a variable of the module remembers the first run; {mend},"
                " and keep nothing outside the method"
            )
        ]
    return []


def purity(trial: Trial) -> list[str]:
    """Check that the arguments of update are not changed."""
    watched = trial.watched
    faults = [
        f"{what} was changed in place: write to a new tensor (x = x + y for x += y, or x.clone() first)"
        for what in watched.spoilt
    ]
    learns = differences(trial.build().state_dict(), watched.method.state_dict())
    if watched.taken < WATCHED_STEPS and learns:
        faults.append(
            "update takes nothing from `source`, yet the state changes: take batches from the source that it gets"
        )
    return faults


def resume(trial: Trial) -> list[str]:
    """Check that a run that stops and resumes is bit-equal in state, moments, hashes, logs and snapshots."""
    folder = trial.folder()
    reference = trial.reference
    with contextlib.suppress(Stopped):
        trial.trained(folder, stop=STOP)
    _, again = trial.trained(folder)
    kept = sorted(path.name for path in reference.folder.glob("*.pt"))
    paths = [d for name in kept for d in differences(trial.load(folder, name), trial.load(reference.folder, name))]
    if not paths and state_hash(again) == state_hash(reference.method):
        return []
    changing = differences(_plain_attributes(trial.build()), _plain_attributes(reference.method))
    hint = f" (these attributes change: {_listed(path[1:] for path in changing)})" if changing else ""
    return [
        (
            f"stopped at step {STOP} and started again, the run ends differently ({_tensor(paths)}): something is"
            f" remembered outside parameters, buffers and optimisers{hint};"
            " register it as a buffer with the seeds as first axis"
        )
    ]


def _plain_attributes(method: Method) -> dict[str, Any]:
    """Return plain values and tensors among the attributes of the method and its parts, which no checkpoint saves."""
    held = {value.data_ptr() for value in method.state_dict().values()}
    found = {}
    for path, module in method.named_modules():
        for name, value in vars(module).items():
            stateful = isinstance(value, PLAIN) and not (isinstance(value, Tensor) and value.data_ptr() in held)
            if name not in OWN and stateful:
                found[f"{path}.{name}".lstrip(".")] = value
    return found


def scoring(trial: Trial) -> list[str]:
    """Check that training is bit-equal if every step is scored, and that scoring twice gives the same result."""
    folder, reference, numbers, faults = trial.folder(), trial.reference, trial.draws(), []
    first, second = (trial.score(reference.method, numbers.at(0)) for _ in range(2))
    if not isinstance(first, Tensor) or not first.dim() or len(first) != len(SEEDS):
        return [
            (
                "what outputs() gives for scoring must have the seeds as first axis;"
                " see `Method.outputs` in harness/contracts.py"
            )
        ]
    if not torch.isfinite(first).all():
        faults.append("what outputs() gives for scoring is not finite")
    elif not torch.equal(first, second):
        faults.append(
            "scoring the same state twice gives two results:"
            ' draw with the stream "eval", and change nothing in outputs()'
        )
    trial.trained(folder, each=lambda method, step: trial.score(method, numbers.at(0)))
    if paths := differences(trial.load(folder, "checkpoint.pt"), trial.load(reference.folder, "checkpoint.pt")):
        faults.append(
            f"scored after every step, the run ends differently ({_tensor(paths)}): outputs() or what it gives changes"
            " the state; score under torch.no_grad() and update no buffer there"
        )
    return faults


def divergence(trial: Trial) -> list[str]:
    """Check that after a weight of the second seed becomes infinite, that seed is marked and the other one is
    bit-equal.
    """
    _, undisturbed, healthy = trial.reference
    first = next((p for p in healthy.parameters() if p.requires_grad), None)
    if first is None:
        return []
    faults = []

    def break_it(method: Method, step: int) -> None:
        if step == BREAK:
            next(p for p in method.parameters() if p.requires_grad).data[1] = torch.inf

    run, method = trial.trained(trial.folder(), each=break_it)
    if run.died != {1: BREAK + 1} or method.alive.tolist() != [True, False]:
        said = ", ".join(f"seed {SEEDS[place]} at step {step}" for place, step in run.died.items()) or "none"
        faults.append(
            f"an infinite weight of seed 1 after step {BREAK} should mark that seed at step {BREAK + 1};"
            f" marked: {said}. SeedOptimizer does it: step per seed, and set `alive` false where a loss or gradient is"
            " not finite"
        )
    touched = [
        name
        for name, value in method.state_dict().items()
        if value.shape[:1] == (len(SEEDS),) and differences(value[0], healthy.state_dict()[name][0])
    ]
    touched += [
        f"log {name}"
        for (_, entries), (_, others) in zip(run.curves, undisturbed.curves)
        for name, value in entries.items()
        if differences(value[0], others[name][0])
    ]
    if touched:
        faults.append(
            f"an infinite weight of seed 1 has changed seed 0 ({_listed(dict.fromkeys(touched))}):"
            " something reduces over the seed axis; reduce over all axes but the first"
        )
    return faults


Check = Callable[[Trial], list[str]]
CHECKS: dict[str, Check] = {
    check.__name__: check for check in (file, state, logs, stacking, draws, purity, resume, scoring, divergence)
}


def relative_path(file: str) -> str:
    """Return a file's path relative to the project's folder."""
    path = Path(file)
    return path.relative_to(registry.ROOT).as_posix() if path.is_relative_to(registry.ROOT) else str(path)


def _tensor(paths: list[str]) -> str:
    """Name the first of the tensors that differ as the method does; its own state comes before moments and logs."""
    if not paths:
        return "its state's hash"
    own = [p.removeprefix("/method/") for p in paths if p.startswith("/method/")]
    return min(own) if own else min(paths).lstrip("/").replace("/", " ")


def _listed(names: Any, most: int = 3) -> str:
    names = sorted(map(str, names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
