"""Write a file for each cell with everything that its result depends on: its parameters and a hash of its code.

Files of code are found by following import statements, including lazy ones inside functions, from the training loop,
the draws, the task family, the algorithm and the encoder that the task names. The hash is over the syntax tree without
comments, docstrings and positions, so that rewording does not retrain anything. The command layer is excluded: it only
composes, and a change of its meaning requires a new `protocol`. For an algorithm from an installed package the hash
covers the package's name and version, the file of its entry point, and what that file imports from this project.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.files import write_text
from harness.plan.blocks import cell_blocks
from harness.plan.sources import Sources
from harness.run.like import without_title

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ("harness.run.train", "harness.run.seeds", "harness.run.pins")
SCORING = ("harness.places.score", "harness.metrics.evaluate")
PREPARE = "harness.places.prepare"
ENCODERS = "harness.metrics.encoders"
KEYS = Path("results/keys")
PREPARED = "prepare"  # names the file of a task's own key among those of its cells
COMPOSERS = ("harness.plan.", "harness.places.", "harness.workspace.", "harness.commands.", "harness.registry")


class CodeKeys:
    """The keys of the current code below `root`: each file is read once, and each key is computed once."""

    def __init__(self, root: Path = ROOT):
        self.sources = Sources(root)
        self._known: dict[tuple[str, str, str | None], dict[str, Any]] = {}

    def of(self, family: str, algorithm: str, encoder: str | None = None) -> dict[str, Any]:
        """Return `code_key`, which is shared by all cells that run the same code."""
        if (family, algorithm, encoder) not in self._known:
            self._known[family, algorithm, encoder] = self._of(family, algorithm, encoder)
        return self._known[family, algorithm, encoder]

    def prepare(self, family: str, encoder: str | None = None) -> dict[str, Any]:
        """Return {"prepare": 16 hex, "files": {path: 16 hex}} for code that loads a task's data and its encoder."""
        modules = (PREPARE, f"harness.tasks.{family}", *_encoder_modules(encoder))
        files = self.sources.closure(modules, skip=COMPOSERS)
        return {"prepare": _digest(files), "files": files}

    def _of(self, family: str, algorithm: str, encoder: str | None) -> dict[str, Any]:
        task = f"harness.tasks.{family}"
        theirs, methods = _packaged(algorithm, self.sources) or ({}, (f"baselines.methods.{algorithm}",))
        training = theirs | self.sources.closure((*ENGINE, task, *methods), skip=("harness.metrics.", *COMPOSERS))
        metrics = [f"harness.metrics.{name}" for name in self.sources.literal(task, "metrics")]
        scoring = training | self.sources.closure((*SCORING, *metrics, *_encoder_modules(encoder)), skip=COMPOSERS)
        return {"training": _digest(training), "scoring": _digest(scoring), "files": scoring}


def code_key(family: str, algorithm: str, encoder: str | None = None, root: Path = ROOT) -> dict[str, Any]:
    """Return {"training": 16 hex, "scoring": 16 hex, "files": {path: 16 hex}} for the current code below `root`.

    encoder: the encoder that scores the images of the task, if any.
    """
    return CodeKeys(root).of(family, algorithm, encoder)


def _encoder_modules(encoder: str | None) -> tuple[str, ...]:
    """Return modules that no import statement names: the encoder, and the process in which it may run."""
    return (f"{ENCODERS}.{encoder.replace('-', '_')}", f"{ENCODERS}.serve") if encoder else ()


def key_files(params: dict[str, Any], root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Return {path below results/keys: content}: <task>/<cell>.json for every cell, <task>/prepare.json for every task.

    A file contains what makes its cell stale: under "params" the parameters without titles, and under "code" the code.

    params: the whole of params.yaml, with every `like` resolved.
    """
    made: dict[str, dict[str, Any]] = {}
    tasks = {task: without_title(block) for task, block in params["tasks"].items()}
    code = CodeKeys(root)
    for task, block in tasks.items():
        of_data = code.prepare(block["family"], _encoder(block))
        made[f"{task}/{PREPARED}.json"] = {"params": {"task": block}, "code": of_data}
    for task, cell, method, seeds, ablation in cell_blocks(params):
        if cell == PREPARED:
            raise BenchError(f"methods.{task}.{cell}: a file of that name holds the key of the task's data; rename it")
        of_cell = {"protocol": params["protocol"], "task": tasks[task] | {"seeds": seeds}, "method": method}
        own = code.of(tasks[task]["family"], method["algorithm"], _encoder(tasks[task]))
        made[f"{task}/{cell}.json"] = {"params": of_cell | ({"ablation": ablation} if ablation else {}), "code": own}
    return made


def _encoder(block: dict[str, Any]) -> str | None:
    return (block.get("score") or {}).get("encoder")


def write_keys(root: Path, params: dict[str, Any]) -> None:
    """Write every file of `key_files` whose content has changed, and remove those of cells that no longer exist."""
    folder, contents = root / KEYS, key_files(params, root)
    for gone in {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")} - contents.keys():
        (folder / gone).unlink()
    for name, content in contents.items():
        write_text(folder / name, _text(content))
    for empty in [path for path in folder.iterdir() if path.is_dir() and not any(path.iterdir())]:
        empty.rmdir()


def stale(root: Path, params: dict[str, Any]) -> list[Path]:
    """Return key files of cells with packaged algorithms whose code differs from what is installed; DVC does not track
    packages.

    Returns an empty list if no key file exists yet, because the stage `keys` then runs anyway.
    """
    folder, theirs = root / KEYS, registry.packaged_algorithms(root)
    if not theirs or not folder.is_dir():
        return []
    own = {f"{block.task}/{block.cell}.json" for block in cell_blocks(params) if block.method["algorithm"] in theirs}
    wanted = {folder / name: content["code"] for name, content in key_files(params, root).items() if name in own}
    return [path for path, code in wanted.items() if not path.is_file() or _code(path) != code]


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _code(path: Path) -> Any:
    """Return the code that an existing key file names, or None if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("code")
    except (ValueError, AttributeError, RecursionError):
        return None


def _packaged(algorithm: str, sources: Sources) -> tuple[dict[str, str], tuple[str, ...]] | None:
    """({package, version and module: hash}, modules of ours that it imports) of a package's algorithm.

    Returns None for an algorithm of this project.
    """
    if (its := registry.packaged_algorithms(sources.root).get(algorithm)) is None:
        return None
    name = f"{its.package} {its.version}: {its.module}"
    code, imported = sources.read(registry.source(algorithm, sources.root), name)
    ours = tuple(m for m in imported if not m.startswith(("harness.metrics.", *COMPOSERS)) and sources.found(m))
    return {name: code}, ours


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
