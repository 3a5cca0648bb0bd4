"""The code that a cell runs, as a hash: what its result depends on, and nothing else.

The files are found by reading import statements (lazy ones inside functions count), from the
training loop, the draws, the task family and the algorithm. What is hashed is the syntax tree
without comments, docstrings and positions, so that rewording retrains nothing. The command
layer is left out: it only composes, and a change of meaning there is a new `protocol`.
Of an algorithm from an installed package the package's name and version count and the one file
that its entry point names, with what that imports of this project.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from harness import registry
from harness.errors import BenchError
from harness.files import write_text

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ("harness.run.train", "harness.run.seeds", "harness.run.pins")
SCORING = ("harness.commands.score", "harness.metrics.evaluate")
PREPARE = "harness.commands.prepare"
COMPOSERS = ("harness.commands.", "harness.registry")


def code_key(family: str, algorithm: str, root: Path = ROOT) -> dict[str, object]:
    """{"training": 16 hex, "scoring": 16 hex, "files": {path: 16 hex}} of the code below `root`."""
    task = f"harness.tasks.{family}"
    theirs, methods = _packaged(algorithm, root) or ({}, (f"baselines.methods.{algorithm}",))
    training = theirs | closure(root, (*ENGINE, task, *methods), skip=("harness.metrics.", *COMPOSERS))
    metrics = [f"harness.metrics.{name}" for name in literal(_file(root, task), "metrics")]
    scoring = training | closure(root, (*SCORING, *metrics), skip=COMPOSERS)
    return {"training": _digest(training), "scoring": _digest(scoring), "files": scoring}


def prepare_key(family: str, root: Path = ROOT) -> dict[str, object]:
    """{"prepare": 16 hex, "files": {path: 16 hex}} of what loads a family's data and trains its encoder."""
    files = closure(root, (PREPARE, f"harness.tasks.{family}"), skip=COMPOSERS)
    return {"prepare": _digest(files), "files": files}


def pairs(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """(family, algorithm) wherever a file of baselines/methods, or a package's, names a family in FAMILIES.

    A family that this project has not is passed over in a package, which may know other versions of it.
    """
    for path in sorted((root / "baselines/methods").glob("*.py")):
        if not path.stem.startswith("_"):
            for family in literal(path, "FAMILIES"):
                yield family, path.stem
    for name in registry.packaged(root):
        for family in literal(registry.source(name, root), "FAMILIES"):
            if _file(root, f"harness.tasks.{family}", missing_ok=True):
                yield family, name


def write_keys(root: Path) -> None:
    """Write results/keys/<family>-<algorithm>.json and, for what is prepared, <family>.json; others go."""
    contents = {f"{family}-{algorithm}.json": code_key(family, algorithm, root) for family, algorithm in pairs(root)}
    contents |= {f"{family}.json": prepare_key(family, root) for family, _ in pairs(root)}
    folder = root / "results/keys"
    for gone in {path.name for path in folder.glob("*.json")} - contents.keys():
        (folder / gone).unlink()
    for name, content in contents.items():
        write_text(folder / name, _text(content))


def stale(root: Path, used: Iterable[tuple[str, str]]) -> list[Path]:
    """Key files of packages' algorithms among the `used` pairs that are not of what is installed: DVC does not see packages.

    None where nothing has been written yet, as the stage `keys` is then to run anyway.
    """
    folder, theirs = root / "results/keys", registry.packaged(root)
    paths = {folder / f"{family}-{name}.json": (family, name) for family, name in used if name in theirs}
    if not folder.is_dir():
        return []
    wanted = {path: _text(code_key(*pair, root)) for path, pair in paths.items()}
    return [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def _text(content: dict[str, object]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _packaged(algorithm: str, root: Path) -> tuple[dict[str, str], tuple[str, ...]] | None:
    """({package, version and module: hash}, modules of ours that it imports) of a package's algorithm; None for a file of ours."""
    if (its := registry.packaged(root).get(algorithm)) is None:
        return None
    path = registry.source(algorithm, root)
    code, imported = _read(path, path.stat().st_mtime_ns, path.stat().st_size)
    ours = tuple(m for m in imported if not m.startswith(("harness.metrics.", *COMPOSERS)) and _file(root, m, missing_ok=True))
    return {f"{its.package} {its.version}: {its.module}": code}, ours


def closure(root: Path, modules: Iterable[str], skip: tuple[str, ...] = ()) -> dict[str, str]:
    """Path -> hash of every file of ours that `modules` import, directly or not, except `skip`.

    Raises BenchError where one of `modules` has no file.
    """
    waiting = [_file(root, module) for module in modules]
    found: dict[str, str] = {}
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name not in found:
            found[name], imported = _read(path, path.stat().st_mtime_ns, path.stat().st_size)
            waiting += [f for m in imported if not m.startswith(skip) and (f := _file(root, m, missing_ok=True))]
    return dict(sorted(found.items()))


def literal(path: Path, name: str) -> tuple[str, ...]:
    """The module-level tuple of strings `name = (...)` of a file, read without running it."""
    for node in _parsed(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            with contextlib.suppress(ValueError):
                found = ast.literal_eval(node.value)
                if isinstance(found, tuple) and all(isinstance(word, str) for word in found):
                    return found
    raise BenchError(f"{path}: no {name} = (...) in the file; add it at the top level, as a literal tuple of strings")


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())  # bytes, as Python reads the encoding from the file
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""  # none for a null byte
        raise BenchError(f"{path}{line}: SyntaxError: {error.msg}") from None
    except ValueError as error:  # of null bytes, in Python before 3.12
        raise BenchError(f"{path}: {error}") from None


@lru_cache(maxsize=1024)
def _read(path: Path, modified: int, size: int) -> tuple[str, tuple[str, ...]]:
    """(hash, imported modules) of a file; its time and size are the cache's key."""
    tree = _parsed(path)
    return hashlib.sha256(canonical(tree).encode()).hexdigest()[:16], tuple(imports(tree))


def imports(tree: ast.AST) -> Iterator[str]:
    """Absolute names of all that is imported; of `from a import b` both a and a.b, as b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def canonical(node: object) -> str:
    """A syntax tree as text: docstrings, positions and empty fields left out.

    ast.dump differs between Python versions in which empty fields it shows; this does not.
    """
    if isinstance(node, list):
        return "[" + ",".join(map(canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and _has_docstring(node):
            value = value[1:]
        if value is not None and value != [] and name not in ("type_comment", "kind", "type_ignores"):
            fields.append(f"{name}={canonical(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _has_docstring(node: ast.AST) -> bool:
    if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or not node.body:
        return False
    first = node.body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _file(root: Path, module: str, missing_ok: bool = False) -> Path | None:
    """The file of a module of ours; packages have none, their `__init__` is empty by rule."""
    path = root / f"{module.replace('.', '/')}.py"
    if module.startswith(("harness.", "baselines.")) and path.is_file():
        return path
    if missing_ok:
        return None
    raise BenchError(f"{path} is missing")


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
