"""`bench new`: add your own method as a block of params.yaml like another one, with `file` as an algorithm too."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Any, NamedTuple

from harness import registry
from harness.contracts import Settings
from harness.errors import BenchError, unknown
from harness.files import write_text
from harness.plan.plan import Plan, load_plan
from harness.run.like import LIKE, resolve
from harness.run.params import validate
from harness.store import checked_name
from harness.workspace.new_block import keys_of, with_block
from harness.workspace.new_file import renamed_source
from harness.yaml_text import parse

PARAMS = "params.yaml"
INSIDE = "a key that you set replaces the inherited one, a block changes only the keys it has, and null removes a key"


class Model(NamedTuple):
    """What a new method starts from: the method `name` of `task`, or the template if name is None."""

    task: str
    name: str | None
    algorithm: str
    source: Path


def new_method(root: Path, name: str, like: str | None, task: str | None, file: bool) -> list[str]:
    """Write the block, and with `file` baselines/methods/<name>.py; returns lines that say what was done and what is
    next.

    Raises BenchError, without changing anything, if the name is not allowed or there is no such model.
    """
    plan = load_plan(root)
    if task is not None and task not in plan.params["tasks"]:
        raise BenchError(unknown(f"task {task}", task, plan.params["tasks"]))
    model = _model(root, plan, like, task, file)
    _check_name(root, plan, name, model.task, file)
    path = root / registry.METHODS / f"{name}.py"
    code = (
        renamed_source(model.source.read_text(encoding="utf-8"), model.source.name, model.algorithm, name)
        if file
        else None
    )
    before = (root / PARAMS).read_bytes().decode("utf-8")  # with the line ends that it has
    params = _settings(plan, model)
    after = with_block(before, model.task, model.name, *_block(params, model, name, file))
    _check_text(plan.params, after, model.task, name)
    try:
        if code is not None:
            write_text(path, code)
        write_text(root / PARAMS, after)
        load_plan(root)
    except BaseException:
        write_text(root / PARAMS, before)
        if code is not None:
            path.unlink(missing_ok=True)
        raise
    return [
        *([f"{registry.METHODS / path.name}, from {model.source.name}"] if file else []),
        f"methods.{model.task}.{name} in {PARAMS}, from {model.name or 'the template'}",
        f"keys: {keys_of(params)}",
        f"({INSIDE})",
        f"next: edit it, run `bench check {name}`, then `dvc repro`",
    ]


def _model(root: Path, plan: Plan, like: str | None, task: str | None, file: bool) -> Model:
    """Return the first task that has the method, or with `file` a method of that algorithm."""
    if like is None:
        if not file:
            raise BenchError(
                "--like is missing: name the method to start from (`bench list` shows all),"
                " or use --file for the template"
            )
        return _template(root, plan, task)
    blocks = {t: methods for t, methods in plan.params["methods"].items() if task in (None, t)}
    names = [(t, m) for t, methods in blocks.items() for m in methods if m == like]
    names += [
        (t, m) for t, methods in blocks.items() for m, block in methods.items() if file and block["algorithm"] == like
    ]
    if not names:
        if like not in _added_rows(plan, task):
            plan.method(like, task)  # which names the nearest
        raise BenchError(f"{like} has no block of its own in {PARAMS}")
    found, method = names[0]
    algorithm = blocks[found][method]["algorithm"]
    return Model(found, method, algorithm, registry.source(algorithm))


def _added_rows(plan: Plan, task: str | None) -> set[str]:
    """Return the rows that the task adds, and the cells of ablations."""
    return {cell.name for cell in plan.cells if task in (None, cell.task)}


def _template(root: Path, plan: Plan, task: str | None) -> Model:
    module = registry.template()
    path, families = Path(module.__file__), module.FAMILIES
    tasks = [
        t
        for t, block in plan.params["tasks"].items()
        if registry.learnt_as(block["family"]) in families and plan.params["methods"].get(t)
    ]
    if task is not None and task not in tasks:
        raise BenchError(
            f"the template is for {', '.join(families)}, not for {task}: start from a method of it by --like"
        )
    if not tasks:
        raise BenchError(
            f"the template is for {', '.join(families)}, and no such task has a method: start from another by --like"
        )
    return Model(task or tasks[0], None, path.stem, path)


def _check_name(root: Path, plan: Plan, name: str, task: str, file: bool) -> None:
    checked_name("a method", name)
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or parse(name) != name:
        raise BenchError(
            f"{name!r} cannot be the name of a method: use lower-case letters, digits and _, but no keyword of Python"
            " or YAML"
        )
    if name in plan.params["tasks"]:
        raise BenchError(f"{name} is the name of a task: choose another name")
    if name in _added_rows(plan, task):
        raise BenchError(f"{task} already has a method {name}: choose another name")
    if not file:
        return
    if root != registry.ROOT:
        raise BenchError(
            f"this bench runs the code of {registry.ROOT}, so it would not find a file in {root}:"
            " use the bench of that tree"
        )
    if name in registry.algorithms() or (root / registry.METHODS / name).exists() or name.startswith("test_"):
        raise BenchError(
            f"{name} cannot be a file of {registry.METHODS}, where the name is taken or reserved for tests:"
            " choose another name"
        )


def _settings(plan: Plan, model: Model) -> Settings:
    """Return the parameters of the model."""
    if model.name is not None:
        return plan.cell(model.task, model.name).method_params
    return validate(registry.template().Params, parse(_shown_block(model.algorithm)), model.source.name)


def _shown_block(name: str) -> str:
    """Return the block that the template shows at its top, for an algorithm of that name."""
    module = registry.template()
    line = re.search(r"^\s*<name>: (\{.*\})$", module.__doc__ or "", re.MULTILINE)
    if line is None:
        raise BenchError(f"{module.__file__} does not show a block `<name>: {{...}}` at its top: restore that line")
    return line[1].replace("<name>", name)


def _block(params: Settings, model: Model, name: str, file: bool) -> tuple[list[str], str]:
    """Return the lines of the new block, and the comment before it."""
    keys = f"Keys: {keys_of(params, depth=2)}"
    if model.name is None:
        return [f"{name}: {_shown_block(name)}"], keys
    own = [f"{LIKE}: {model.name}", *([f"algorithm: {name}"] if file else [])]
    return [f"{name}:", *(f"  {line}" for line in own)], f"Like {model.name} except for the keys below. {keys}"


def _check_text(params: dict[str, Any], text: str, task: str, name: str) -> None:
    """Check that the text contains the old content and the new block. Raises BenchError if it does not."""
    new = resolve(parse(text, PARAMS), PARAMS)
    if new["methods"][task].pop(name, None) is None or new != params:
        raise BenchError(f"{PARAMS} has a layout that `bench new` cannot edit: add methods.{task}.{name} by hand")
