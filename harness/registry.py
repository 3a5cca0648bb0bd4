"""Find task families and algorithms by name.

A family or algorithm is the file of its name, and installed packages may add algorithms. Both are imported by name, not
by an import statement. A package offers its algorithms as entry points of the group `vdb_bench.methods`, each of which
maps a name to a module.
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


class PackagedAlgorithm(NamedTuple):
    """An algorithm of an installed package: its module, and the package's name and version."""

    module: str
    package: str
    version: str


def algorithms() -> list[str]:
    return sorted([*_names(ROOT / METHODS), *packaged_algorithms()])


def algorithm(name: str) -> ModuleType:
    """Import an algorithm: a file of baselines/methods or the module of a package.

    The module has Params, FAMILIES and build(params, spec, draws, device). Raises BenchError if it does not, if it
    cannot be imported or if there is none of that name.
    """
    known = algorithms()
    found = packaged_algorithms().get(name) if isinstance(name, str) else None  # YAML gives any type
    module = _load(found.module if found else f"baselines.methods.{name}", name, known, "algorithm")
    if missing := [part for part in PROMISED if not hasattr(module, part)]:
        raise BenchError(
            f"algorithm {name}{_package_suffix(found)}: {module.__file__} has no {', '.join(missing)};"
            " see baselines/methods/_template.py"
        )
    if not isinstance(module.FAMILIES, tuple) or not all(isinstance(family, str) for family in module.FAMILIES):
        raise BenchError(
            f"algorithm {name}{_package_suffix(found)}: FAMILIES of {module.__file__} must be a tuple of strings,"
            f" got {module.FAMILIES!r}"
        )
    return module


def template() -> ModuleType:
    """Import the algorithm that new files are copied from; `algorithms()` does not list it."""
    return importlib.import_module("baselines.methods._template")


def packaged_algorithms(root: Path = ROOT) -> dict[str, PackagedAlgorithm]:
    """Return the algorithms of installed packages by name.

    Raises BenchError if two have the same name, or if one has the name of a file below `root`.
    """
    found = dict(_entry_points(tuple(sys.path)))
    for name, its in found.items():
        if (root / METHODS / f"{name}.py").is_file():
            raise BenchError(
                f"algorithm {name}{_package_suffix(its)} has the name of {METHODS}/{name}.py:"
                " rename the file, or uninstall the package"
            )
    return found


def source(name: str, root: Path = ROOT) -> Path:
    """Find the file of an algorithm without importing it.

    Raises BenchError if a package lacks the module that its entry point names.
    """
    if (its := packaged_algorithms(root).get(name)) is None:
        return root / METHODS / f"{name}.py"
    try:
        spec = importlib.util.find_spec(its.module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise BenchError(
            f"algorithm {name}{_package_suffix(its)}: the module {its.module} does not exist;"
            " correct the package's entry point, or uninstall the package"
        )
    return Path(spec.origin)


def families() -> list[str]:
    return [n for n in _names(ROOT / "harness" / "tasks") if n not in HELPERS["tasks"] and not n.startswith("data_")]


def family(name: str) -> ModuleType:
    """Import a file of harness/tasks, which has Params, metrics, writes and build(name, params, scratch) -> Task."""
    module = _load(f"harness.tasks.{name}", name, families(), "task family")
    if missing := [part for part in PROMISED_BY_FAMILIES if not hasattr(module, part)]:
        lacks = f"{module.__file__} has no {', '.join(missing)}"
        raise BenchError(f"task family {name}: {lacks}; see Task in harness/contracts.py")
    return module


def family_template() -> ModuleType:
    """Return the family that new files are copied from; `families()` does not list it."""
    return importlib.import_module("harness.tasks._family")


def learnt_as(family_name: str) -> str:
    """Return the family whose methods can learn this one: what its file defines as `learnt_as`, or the family
    itself.
    """
    found: str = getattr(family(family_name), "learnt_as", family_name)
    return found


def writes(family: str) -> tuple[str, ...]:
    """Return what a cell of the family leaves beside its record (see `contracts.Task`), without importing the file."""
    if family not in families():
        raise BenchError(f"task family {family!r} is unknown; {nearest(family, families())}")
    return literal(ROOT / "harness/tasks" / f"{family}.py", "writes")


def literal(path: Path, name: str) -> tuple[str, ...]:
    """Return the module-level tuple of strings `name = (...)` of a file, without running the file."""
    for node in parse_python(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            with contextlib.suppress(ValueError):
                found = ast.literal_eval(node.value)
                if isinstance(found, tuple) and all(isinstance(word, str) for word in found):
                    return found
    raise BenchError(f"{path}: no {name} = (...) in the file; add it at the top level, as a literal tuple of strings")


def parse_python(path: Path, content: bytes | None = None) -> ast.Module:
    """Parse a file of Python, or its `content` if that has been read already.

    Raises BenchError with the file and the line of a syntax error.
    """
    try:
        return ast.parse(
            path.read_bytes() if content is None else content
        )  # bytes, as Python reads the encoding from the file
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""  # none for a null byte
        raise BenchError(f"{path}{line}: SyntaxError: {error.msg}") from None
    except ValueError as error:  # of null bytes, in Python before 3.12
        raise BenchError(f"{path}: {error}") from None


def _names(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


@lru_cache(maxsize=8)
def _entry_points(path: tuple[str, ...]) -> tuple[tuple[str, PackagedAlgorithm], ...]:
    """Return the algorithms that packages on the import path offer; the path is only the key of the cache."""
    found: dict[str, PackagedAlgorithm] = {}
    for entry in entry_points(group=GROUP):
        its = PackagedAlgorithm(entry.module, entry.dist.name, entry.dist.version)
        checked_name(f"an algorithm{_package_suffix(its)}", entry.name)
        if entry.name in found:
            other = _package_suffix(found[entry.name])
            raise BenchError(
                f"algorithm {entry.name}{_package_suffix(its)} has the name of one{other}: uninstall one of them"
            )
        found[entry.name] = its
    return tuple(found.items())


def _package_suffix(its: PackagedAlgorithm | None) -> str:
    return f" of the package {its.package} {its.version}" if its else ""


def _load(module: str, name: str, known: list[str], what: str) -> ModuleType:
    if name not in known:
        raise BenchError(f"{what} {name!r} is unknown; {nearest(name, known)}")
    try:
        return importlib.import_module(module)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # a file of the user's may raise anything
        said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
        raise BenchError(
            f"{what} {name} cannot be imported: {_place(error, module)}: {type(error).__name__}: {said}"
        ) from error


def _place(error: BaseException, module: str) -> str:
    """Return file and line where an import failed: of a syntax error, or of the last frame outside the importer."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    importer = ("<frozen ", importlib.__file__, __file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(importer)]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else f"{module.replace('.', '/')}.py"
