"""Find a module by its name: a task family or an algorithm is the file of that name; packages may bring algorithms too.

These are imported by name and not by a statement. A package offers algorithms as entry points of the group
`vdb_bench.methods`, each a name and the module that it stands for.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import sys
import traceback
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from harness.errors import BenchError, nearest
from harness.store import checked_name

ROOT = Path(__file__).resolve().parent.parent
METHODS, FAMILIES = Path("baselines/methods"), Path("harness/tasks")
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
        raise BenchError(
            f"algorithm {name}{_of(found)}: {module.__file__} has no {', '.join(missing)};"
            " see baselines/methods/_template.py"
        )
    if not isinstance(module.FAMILIES, tuple) or not all(isinstance(family, str) for family in module.FAMILIES):
        raise BenchError(
            f"algorithm {name}{_of(found)}: FAMILIES of {module.__file__} must be a tuple of strings,"
            f" got {module.FAMILIES!r}"
        )
    return module


def template() -> ModuleType:
    """The algorithm that a new file is copied from; it is none of `algorithms()`."""
    return importlib.import_module("baselines.methods._template")


def packaged(root: Path = ROOT) -> dict[str, Packaged]:
    """Return the algorithms of installed packages.

    Raises BenchError where one has the name of another or of a file below `root`.
    """
    found = dict(_entry_points(tuple(sys.path)))
    for name, its in found.items():
        if (root / METHODS / f"{name}.py").is_file():
            raise BenchError(
                f"algorithm {name}{_of(its)} has the name of {METHODS}/{name}.py:"
                " rename the file, or uninstall the package"
            )
    return found


def source(name: str, root: Path = ROOT) -> Path:
    """Find the file of an algorithm without importing it.

    Raises BenchError where a package lacks the module that it names.
    """
    if (its := packaged(root).get(name)) is None:
        return root / METHODS / f"{name}.py"
    try:
        spec = importlib.util.find_spec(its.module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise BenchError(
            f"algorithm {name}{_of(its)}: there is no module {its.module};"
            " mend the package's entry point or uninstall it"
        )
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


def family_template() -> ModuleType:
    """The family that a new file is copied from; it is none of `families()`."""
    return importlib.import_module("harness.tasks._family")


def learnt_as(family_name: str) -> str:
    """The family whose methods learn this one: what its file says as `learnt_as`, or else itself."""
    found: str = getattr(family(family_name), "learnt_as", family_name)
    return found


def writes(family: str) -> tuple[str, ...]:
    """What a cell of the family leaves beside its record (see `contracts.Task`), read without running its file."""
    if family not in families():
        raise BenchError(f"task family {family!r} is unknown; {nearest(family, families())}")
    return literal(ROOT / "harness/tasks" / f"{family}.py", "writes")


def literal(path: Path, name: str) -> tuple[str, ...]:
    """The module-level tuple of strings `name = (...)` of a file, read without running it."""
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            with contextlib.suppress(ValueError):
                found = ast.literal_eval(node.value)
                if isinstance(found, tuple) and all(isinstance(word, str) for word in found):
                    return found
    raise BenchError(f"{path}: no {name} = (...) in the file; add it at the top level, as a literal tuple of strings")


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file. Raises BenchError with the file and the line where it is no Python."""
    try:
        return ast.parse(path.read_bytes())  # bytes, as Python reads the encoding from the file
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""  # none for a null byte
        raise BenchError(f"{path}{line}: SyntaxError: {error.msg}") from None
    except ValueError as error:  # of null bytes, in Python before 3.12
        raise BenchError(f"{path}: {error}") from None


def _names(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


@lru_cache(maxsize=8)
def _entry_points(path: tuple[str, ...]) -> tuple[tuple[str, Packaged], ...]:
    """(name, what it is) along the import path, which is the cache's key."""
    found: dict[str, Packaged] = {}
    for entry in entry_points(group=GROUP):
        its = Packaged(entry.module, entry.dist.name, entry.dist.version)
        checked_name(f"an algorithm{_of(its)}", entry.name)
        if entry.name in found:
            raise BenchError(
                f"algorithm {entry.name}{_of(its)} has the name of one{_of(found[entry.name])}: uninstall one of them"
            )
        found[entry.name] = its
    return tuple(found.items())


def _of(its: Packaged | None) -> str:
    return f" of the package {its.package} {its.version}" if its else ""


def _load(module: str, name: str, known: list[str], what: str) -> ModuleType:
    if name not in known:
        raise BenchError(f"{what} {name!r} is unknown; {nearest(name, known)}")
    try:
        return importlib.import_module(module)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # whatever stands in a file of one's own
        said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
        raise BenchError(
            f"{what} {name} cannot be imported: {_place(error, module)}: {type(error).__name__}: {said}"
        ) from error


def _place(error: BaseException, module: str) -> str:
    """File and line where an import failed: of the syntax error, or the last line run outside Python's own importer."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    importer = ("<frozen ", importlib.__file__, __file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(importer)]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else f"{module.replace('.', '/')}.py"
