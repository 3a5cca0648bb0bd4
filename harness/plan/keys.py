"""What a cell's result depends on, and nothing else, in a file for each cell: its parameters and a hash of its code.

The files are found by reading import statements (lazy ones inside functions count), from the
training loop, the draws, the task family, the algorithm and the encoder that the task names. What
is hashed is the syntax tree without comments, docstrings and positions, so that rewording retrains nothing. The command
layer is left out: it only composes, and a change of meaning there is a new `protocol`.
Of an algorithm from an installed package the package's name and version count and the one file
that its entry point names, with what that imports of this project.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.files import write_text
from harness.plan.blocks import cell_blocks
from harness.run.like import untitled

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ("harness.run.train", "harness.run.seeds", "harness.run.pins")
SCORING = ("harness.places.score", "harness.metrics.evaluate")
PREPARE = "harness.places.prepare"
ENCODERS = "harness.metrics.encoders"
KEYS = Path("results/keys")
PREPARED = "prepare"  # names the file of a task's own key among those of its cells
COMPOSERS = ("harness.plan.", "harness.places.", "harness.workspace.", "harness.commands.", "harness.registry")


def code_key(family: str, algorithm: str, encoder: str | None = None, root: Path = ROOT) -> dict[str, object]:
    """{"training": 16 hex, "scoring": 16 hex, "files": {path: 16 hex}} of the code below `root`.

    encoder: the one that scores the images of the task, if any.
    """
    task = f"harness.tasks.{family}"
    theirs, methods = _packaged(algorithm, root) or ({}, (f"baselines.methods.{algorithm}",))
    training = theirs | closure(root, (*ENGINE, task, *methods), skip=("harness.metrics.", *COMPOSERS))
    metrics = [f"harness.metrics.{name}" for name in registry.literal(_file(root, task), "metrics")]
    scoring = training | closure(root, (*SCORING, *metrics, *_encoding(encoder)), skip=COMPOSERS)
    return {"training": _digest(training), "scoring": _digest(scoring), "files": scoring}


def prepare_key(family: str, encoder: str | None = None, root: Path = ROOT) -> dict[str, object]:
    """{"prepare": 16 hex, "files": {path: 16 hex}} of what loads a task's data and trains its encoder."""
    files = closure(root, (PREPARE, f"harness.tasks.{family}", *_encoding(encoder)), skip=COMPOSERS)
    return {"prepare": _digest(files), "files": files}


def _encoding(encoder: str | None) -> tuple[str, ...]:
    """What no import statement names: the encoder, loaded by its name, and the process that it may serve from."""
    return (f"{ENCODERS}.{encoder.replace('-', '_')}", f"{ENCODERS}.serve") if encoder else ()


def key_files(params: dict[str, Any], root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Path below results/keys -> its content: <task>/<cell>.json of every cell, <task>/prepare.json of every task.

    params: the whole of params.yaml, every `like` resolved. A file holds what makes its cell stale: under "params" the
    parameters, as they stand there but for titles, under "code" the code.
    """
    made: dict[str, dict[str, Any]] = {}
    tasks = {task: untitled(block) for task, block in params["tasks"].items()}
    for task, block in tasks.items():
        code = prepare_key(block["family"], _encoder(block), root)
        made[f"{task}/{PREPARED}.json"] = {"params": {"task": block}, "code": code}
    known = lru_cache(maxsize=None)(code_key)  # many cells run the same code
    for task, cell, method, seeds, ablation in cell_blocks(params):
        if cell == PREPARED:
            raise BenchError(f"methods.{task}.{cell}: a file of that name holds the key of the task's data; rename it")
        of_cell = {"protocol": params["protocol"], "task": tasks[task] | {"seeds": seeds}, "method": method}
        code = known(tasks[task]["family"], method["algorithm"], _encoder(tasks[task]), root)
        made[f"{task}/{cell}.json"] = {"params": of_cell | ({"ablation": ablation} if ablation else {}), "code": code}
    return made


def _encoder(block: dict[str, Any]) -> str | None:
    return (block.get("score") or {}).get("encoder")


def write_keys(root: Path, params: dict[str, Any]) -> None:
    """Write every file of `key_files` whose content is another one; those of cells that are gone are removed."""
    folder, contents = root / KEYS, key_files(params, root)
    for gone in {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")} - contents.keys():
        (folder / gone).unlink()
    for name, content in contents.items():
        write_text(folder / name, _text(content))
    for empty in [path for path in folder.iterdir() if path.is_dir() and not any(path.iterdir())]:
        empty.rmdir()


def stale(root: Path, params: dict[str, Any]) -> list[Path]:
    """Key files of cells of packages' algorithms whose code is not what is installed: DVC does not see packages.

    None where nothing has been written yet, as the stage `keys` is then to run anyway.
    """
    folder, theirs = root / KEYS, registry.packaged(root)
    if not theirs or not folder.is_dir():
        return []
    own = {f"{block.task}/{block.cell}.json" for block in cell_blocks(params) if block.method["algorithm"] in theirs}
    wanted = {folder / name: content["code"] for name, content in key_files(params, root).items() if name in own}
    return [path for path, code in wanted.items() if not path.is_file() or _code(path) != code]


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _code(path: Path) -> Any:
    """The code that a written key file names; None of a file that holds none."""
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("code")
    except (ValueError, AttributeError, RecursionError):
        return None


def _packaged(algorithm: str, root: Path) -> tuple[dict[str, str], tuple[str, ...]] | None:
    """({package, version and module: hash}, modules of ours that it imports) of a package's algorithm.

    None for a file of ours.
    """
    if (its := registry.packaged(root).get(algorithm)) is None:
        return None
    path = registry.source(algorithm, root)
    code, imported = _read(path, path.stat().st_mtime_ns, path.stat().st_size)
    ours = tuple(m for m in imported if not m.startswith(("harness.metrics.", *COMPOSERS)) and _found(root, m))
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
            waiting += [f for m in imported if not m.startswith(skip) and (f := _found(root, m))]
    return dict(sorted(found.items()))


@lru_cache(maxsize=1024)
def _read(path: Path, modified: int, size: int) -> tuple[str, tuple[str, ...]]:
    """(hash, imported modules) of a file; its time and size are the cache's key."""
    tree = registry.parsed(path)
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


def _found(root: Path, module: str) -> Path | None:
    """The file of a module of ours; packages have none, their `__init__` is empty by rule."""
    path = _path(root, module)
    return path if module.startswith(("harness.", "baselines.")) and path.is_file() else None


def _file(root: Path, module: str) -> Path:
    """The file of a module of ours that must be there."""
    if (path := _found(root, module)) is None:
        raise BenchError(f"{_path(root, module)} is missing")
    return path


def _path(root: Path, module: str) -> Path:
    return root / f"{module.replace('.', '/')}.py"


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
