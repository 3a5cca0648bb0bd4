"""Name -> file: a task family, an algorithm or a metric is the file of that name. The only dynamic import."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from types import ModuleType

from harness.errors import BenchError

ROOT = Path(__file__).resolve().parent.parent
HELPERS = {"tasks": ("batches", "demonstrations", "pixels")}


def algorithms() -> list[str]:
    return _names(ROOT / "baselines" / "methods")


def algorithm(name: str) -> ModuleType:
    """A file of baselines/methods: Params, FAMILIES, build(params, spec, draws)."""
    return _load("baselines.methods", name, algorithms(), "algorithm")


def families() -> list[str]:
    return [n for n in _names(ROOT / "harness" / "tasks") if n not in HELPERS["tasks"] and not n.startswith("data_")]


def family(name: str) -> ModuleType:
    """A file of harness/tasks: Params, metrics, build(name, params, scratch)."""
    return _load("harness.tasks", name, families(), "task family")


def _names(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


def _load(package: str, name: str, known: list[str], what: str) -> ModuleType:
    if name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise BenchError(f"{what} {name!r} is unknown; {hint}")
    return importlib.import_module(f"{package}.{name}")
