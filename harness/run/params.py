"""Parameters: read once, checked whole, wrong ones named with what is allowed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError

from harness.errors import BenchError, unknown_key
from harness.settings import Seeds, Settings
from harness.yaml_text import load

Precision = Literal["fp32", "tf32", "bf16"]

LONGEST = 1000  # characters of a text, which a message may repeat

T = TypeVar("T", bound=Settings)


class TaskParams(Settings):
    """What every task family shares.

    seeds: reported seeds, trained in blocks of `block`. evaluations: scored points of a run,
    the last one at its end. threads: of one block on the CPU; part of the bit-exact tier.
    precision: of matrix products and convolutions in training (`harness.run.device.arithmetic`).
    """

    family: str
    seeds: Seeds
    block: int = Field(5, ge=1)
    steps: int = Field(ge=1)
    evaluations: int = Field(6, ge=1)
    log_points: int = Field(50, ge=1)
    threads: int = Field(1, ge=1)
    precision: Precision = "fp32"

    @property
    def encoder(self) -> str | None:
        """The name of the encoder that scores the task's images; None of a task without images to score."""
        return None

    @property
    def expert(self) -> str | None:
        """The cell whose demonstrations the task shows, if any; see `harness.plan.needs`."""
        return None

    @property
    def reward_task(self) -> str | None:
        """The task whose learnt rewards are trained on again, if any."""
        return None

    def located(self, root: Path) -> Self:
        """The same with the paths of files that score the task starting at `root`."""
        return self


def read_yaml(path: Path) -> dict[str, Any]:
    """Returns the mapping that the file holds, with numbers as DVC reads them (1e-3 is one).

    Raises BenchError where the file is missing, too large, no YAML, no mapping of plain values, or a text in it, as its
    names are, is no line.
    """
    try:
        content = load(path)
    except FileNotFoundError:
        raise BenchError(f"{path} is missing: run bench in the project's folder or give --root") from None
    if not isinstance(content, dict):
        raise BenchError(f"{path} holds no mapping of parameters")
    for text in _texts(content):
        if len(text) > LONGEST or len(text.splitlines()) > 1:
            raise BenchError(f"{path}: {text!a:.60}...: a text must be one line of at most {LONGEST} characters")
    return content


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        yield from _texts([*content, *content.values()])
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)
    elif isinstance(content, str):
        yield content


def validated(model: type[T], block: Any, where: str) -> T:
    """`block` as `model`.

    Raises BenchError with a line for each unknown key, or one that names the first wrong value and what is allowed.
    """
    try:
        return model.model_validate(block)
    except ValidationError as error:
        raise BenchError(_explain(error, model, block, where)) from None


def _explain(error: ValidationError, model: type[Settings], block: Any, where: str) -> str:
    # An unknown key is the likeliest cause of the other complaints (a misspelt key is also a missing one).
    if unknown := [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]:
        places = dict.fromkeys(tuple(map(str, place)) for place in unknown)
        return "\n".join(
            unknown_key(_path(where, block, names), names[-1], _fields_at(model, [*names[:-1]])) for names in places
        )
    first = error.errors()[0]
    path = _path(where, block, tuple(map(str, first["loc"])))
    if first["type"] == "missing":
        return f"{path}: missing"
    message = first["msg"].removeprefix("Value error, ")
    value = first["input"]
    shown = "" if isinstance(value, dict) else f" = {value!r:.{LONGEST}}"
    return f"{path}{shown}: {message[0].lower()}{message[1:]}"


def _path(where: str, block: Any, names: tuple[str, ...]) -> str:
    return ".".join([where, *_written(block, [*names])])


def _written(block: Any, names: list[str]) -> list[str]:
    """`names` as they stand in `block`: without the branches of unions, which are no keys."""
    written = []
    for name in names:
        inner = block.get(name) if isinstance(block, dict) else None
        if inner is not None or name == names[-1] or not isinstance(block, dict):
            written.append(name)
            block = inner
    return written


def _fields_at(model: type[Settings], names: list[str]) -> list[str]:
    """The keys that the nested block `names` takes."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for name in names:
        options = [_resolve(o, schema) for o in node.get("properties", {}).get(name, {}).get("anyOf", [])]
        options = options or [_resolve(node.get("properties", {}).get(name, {}), schema)]
        # A union's branch (its discriminator's value) stands in the path too and adds no level.
        node = next((o for o in options if "properties" in o or "oneOf" in o), node)
        for option in node.get("oneOf", []):
            resolved = _resolve(option, schema)
            if resolved.get("properties", {}).get("kind", {}).get("const") in names:
                node = resolved
    return list(node.get("properties", {}))


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    return schema["$defs"][reference.split("/")[-1]] if reference else node


def flatten(block: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in block.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def digest(content: Any) -> str:
    """16 hex digits of a JSON value."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
