"""Name -> module: a task family or an algorithm is the file of that name, or an algorithm comes with an installed package.

The only dynamic import. A package offers algorithms as entry points of the group `vdb_bench.methods`, name -> module.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import importlib
import importlib.util
import sys
import traceback
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from harness.errors import BenchError

ROOT = Path(__file__).resolve().parent.parent
METHODS = Path("baselines/methods")
GROUP = "vdb_bench.methods"
HELPERS = {"tasks": ("batches", "demonstrations", "pixels", "acting")}
PROMISED = ("Params", "FAMILIES", "build")
PROMISED_BY_FAMILIES = ("Params", "metrics", "writes", "build")


class Packaged(NamedTuple):
    """An algorithm of an installed package: its module, and the package's name and version."""

    module: str
    package: str
    version: str


def algorithms() -> list[str]:
    return sorted([*_names(ROOT / METHODS), *packaged()])


def algorithm(name: str) -> ModuleType:
    """Params, FAMILIES, build(params, spec, draws, device): a file of baselines/methods, or a package's module."""
    known = algorithms()
    found = packaged().get(name)
    module = _load(found.module if found else f"baselines.methods.{name}", name, known, "algorithm")
    if missing := [part for part in PROMISED if not hasattr(module, part)]:
        raise BenchError(f"algorithm {name}{_of(found)}: {module.__file__} has no {', '.join(missing)}; see baselines/methods/_template.py")
    return module


def template() -> ModuleType:
    """The algorithm that a new file is copied from; it is none of `algorithms()`."""
    return importlib.import_module("baselines.methods._template")


def packaged(root: Path = ROOT) -> dict[str, Packaged]:
    """The algorithms of installed packages. Raises BenchError where one has the name of another or of a file below `root`."""
    found = dict(_entry_points(tuple(sys.path)))
    for name, its in found.items():
        if (root / METHODS / f"{name}.py").is_file():
            raise BenchError(f"algorithm {name}{_of(its)} has the name of {METHODS}/{name}.py: rename the file, or uninstall the package")
    return found


def source(name: str, root: Path = ROOT) -> Path:
    """The file of an algorithm, found without importing it. Raises BenchError where a package lacks the module that it names."""
    if (its := packaged(root).get(name)) is None:
        return root / METHODS / f"{name}.py"
    try:
        spec = importlib.util.find_spec(its.module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise BenchError(f"algorithm {name}{_of(its)}: there is no module {its.module}; mend the package's entry point or uninstall it")
    return Path(spec.origin)


def families() -> list[str]:
    return [n for n in _names(ROOT / "harness" / "tasks") if n not in HELPERS["tasks"] and not n.startswith("data_")]


def family(name: str) -> ModuleType:
    """A file of harness/tasks: Params, metrics, writes, build(name, params, scratch) -> a Task."""
    module = _load(f"harness.tasks.{name}", name, families(), "task family")
    if missing := [part for part in PROMISED_BY_FAMILIES if not hasattr(module, part)]:
        lacks = f"{module.__file__} has no {', '.join(missing)}"
        raise BenchError(f"task family {name}: {lacks}; see Task in harness/contracts.py")
    return module


def writes(family: str) -> tuple[str, ...]:
    """What a cell of the family leaves beside its record (see `contracts.Task`), read without running its file."""
    if family not in families():
        raise _unknown(family, families(), "task family")
    return literal(ROOT / "harness/tasks" / f"{family}.py", "writes")


def literal(path: Path, name: str) -> tuple[str, ...]:
    """The module-level tuple of strings `name = (...)` of a file, read without running it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            with contextlib.suppress(ValueError):
                return tuple(ast.literal_eval(node.value))
    raise BenchError(f"{path}: no {name} = (...) at the top of the file; add it as a literal tuple")


def _names(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


@lru_cache(maxsize=8)
def _entry_points(path: tuple[str, ...]) -> tuple[tuple[str, Packaged], ...]:
    """(name, what it is) along the import path, which is the cache's key."""
    found: dict[str, Packaged] = {}
    for entry in entry_points(group=GROUP):
        its = Packaged(entry.module, entry.dist.name, entry.dist.version)
        if entry.name in found:
            raise BenchError(f"algorithm {entry.name}{_of(its)} has the name of one{_of(found[entry.name])}: uninstall one of them")
        found[entry.name] = its
    return tuple(found.items())


def _of(its: Packaged | None) -> str:
    return f" of the package {its.package} {its.version}" if its else ""


def _unknown(name: str, known: list[str], what: str) -> BenchError:
    near = difflib.get_close_matches(str(name), known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return BenchError(f"{what} {name!r} is unknown; {hint}")


def _load(module: str, name: str, known: list[str], what: str) -> ModuleType:
    if name not in known:
        raise _unknown(name, known, what)
    try:
        return importlib.import_module(module)
    except BenchError:
        raise
    except Exception as error:  # whatever stands in a file of one's own
        frame = traceback.extract_tb(error.__traceback__)[-1]
        last = traceback.format_exception_only(error)[-1].strip()
        raise BenchError(f"{what} {name}: importing {module} fails: {last} ({frame.filename}:{frame.lineno})") from error
