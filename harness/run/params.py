"""Read and validate parameters, and name wrong ones together with what is allowed."""

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
    """The parameters that all task families share.

    seeds: the seeds to report.
    block: the number of seeds that are trained at once.
    evaluations: the number of scored points of a run, the last of which is its end.
    log_points: the number of logged points of a run.
    threads: the threads of one block on the CPU; they are part of the bit-exact tier.
    precision: the precision of matrix products and convolutions in training (see `harness.run.device.arithmetic`).
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
        """The name of the encoder that scores the task's images, or None if there are none to score."""
        return None

    @property
    def expert(self) -> str | None:
        """The cell whose demonstrations the task uses, if any; see `harness.plan.needs`."""
        return None

    @property
    def reward_task(self) -> str | None:
        """The task whose learnt rewards are used for re-training, if any."""
        return None

    def located(self, root: Path) -> Self:
        """Return the same parameters with the paths of files for scoring relative to `root`."""
        return self


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a file of parameters, with numbers as DVC reads them, e.g. 1e-3.

    Raises BenchError if the file is missing, too large, not valid YAML or not a mapping of plain values, and if a
    string in it, such as a name, is longer than one line.
    """
    try:
        content = load(path)
    except FileNotFoundError:
        raise BenchError(f"{path} is missing: run bench in the project's folder or set --root") from None
    if not isinstance(content, dict):
        raise BenchError(f"{path} does not contain parameters: it must be a mapping, of lines such as `preset: laptop`")
    for text in _texts(content):
        if len(text) > LONGEST or len(text.splitlines()) > 1:
            raise BenchError(f"{path}: {text!a:.60}...: a string must be one line of at most {LONGEST} characters")
    return content


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        yield from _texts([*content, *content.values()])
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)
    elif isinstance(content, str):
        yield content


def validate(model: type[T], block: Any, where: str) -> T:
    """Return `block` as a `model`.

    Raises BenchError with one line for each unknown key, or with one line about the first wrong value.
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
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    value = first["input"]
    shown = "" if isinstance(value, dict) else f" = {value!r:.{LONGEST}}"
    return f"{path}{shown}: {message[0].lower()}{message[1:]}"


def _path(where: str, block: Any, names: tuple[str, ...]) -> str:
    return ".".join([where, *_written(block, [*names])])


def _written(block: Any, names: list[str]) -> list[str]:
    """Return `names` as they occur in `block`, without the branches of unions, which are not keys."""
    written = []
    for name in names:
        inner = block.get(name) if isinstance(block, dict) else None
        if inner is not None or name == names[-1] or not isinstance(block, dict):
            written.append(name)
            block = inner
    return written


def _fields_at(model: type[Settings], names: list[str]) -> list[str]:
    """Return the keys that the nested block `names` accepts."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for name in names:
        options = [_resolve(o, schema) for o in node.get("properties", {}).get(name, {}).get("anyOf", [])]
        options = options or [_resolve(node.get("properties", {}).get(name, {}), schema)]
        # The path also contains a union's branch (its discriminator's value), which adds no level.
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
    """Flatten nested blocks, e.g. {"a": {"b": 1}} -> {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in block.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def digest(content: Any) -> str:
    """Return 16 hex digits that identify a JSON value."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
