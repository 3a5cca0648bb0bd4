"""The schema of a record, shared by its writer (`harness.run.record`) and its readers.

A record is a folder `results/records/<task>/<cell>/` with the files that `harness.store` names: record.json (`Head`),
scores.csv, curves.csv and provenance.json (`Provenance`), and for some families also panels.csv, sheet.png and
artefacts.npz. One seal covers them all (`harness.seal`). An archived record may also have verified.json (`Verified`).
Records of an earlier schema are upgraded when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import seal
from harness.errors import BenchError
from harness.files import read_bytes
from harness.settings import Seeds, Settings
from harness.store import ARCHIVE, HEAD, PROVENANCE, SEAL, VERIFIED, CellName, Value, command_of

SCHEMA = 3
SEALED = 3  # the first schema whose records have a seal
TOO_DEEP = "has too many levels of nested blocks"
# Column -> kind of its values. curves.csv has further columns, one for each log, all of them numbers.
SCORE_COLUMNS: dict[str, type] = {"task": str, "method": str, "seed": int, "step": int, "metric": str, "value": float}
CURVE_COLUMNS: dict[str, type] = {"seed": int, "step": int}
PANEL_COLUMNS: dict[str, type] = {"seed": int, "panel": str, "x": float, "y": float}

Tier = Literal["bit-exact", "same-device exact", "statistical"]


class Ablation(Settings):
    """One cell per value: `method` with the dotted `key` of its block set to the value.

    set: further keys that are the same for all values.
    along: further keys with one value for each of `values`, e.g. the dual step that suits each bound.
    reference: the method whose score is drawn as a line.
    """

    method: str
    key: str
    values: tuple[Value, ...] = Field(min_length=1)
    seeds: Seeds
    set: dict[str, Value | None] = {}
    along: dict[str, tuple[Value, ...]] = {}
    reference: str | None = None


class Part(BaseModel):
    """A part of a record. Every key is required, no other key is allowed, and every value must have its exact type."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Ablated(Part):
    """Which value of which ablation a cell has.

    of: the method of the ablation.
    key: the dotted key that is set to `value`.
    """

    name: str
    key: str
    value: Value
    of: str


class Metric(Part):
    """Describe the scores of one name.

    higher_is_better: None if the metric only describes.
    floor: the value that a failed run is scored with.
    manifest: a key of the head's `manifests`.
    """

    higher_is_better: bool | None
    floor: float
    label: str
    headline: bool
    manifest: str | None


class Resolved(Part):
    """The parameters that the cell was trained with, including every default."""

    task: dict[str, Any]
    method: dict[str, Any]


class Head(Part):
    """The content of record.json. It contains nothing that another run of the same cell could change.

    status: maps a seed to 'finished', 'collapsed' or 'diverged at step N'.
    state_hashes: maps a block to {step: hash of the state}.
    manifests: maps a name to how a metric was measured.
    references: maps a metric to {label: value}, e.g. the train-test floor.
    """

    protocol: int
    preset: str
    task: str
    method: str
    cell: str
    family: str
    algorithm: str
    tier: Tier
    ablation: Ablated | None
    params: Resolved
    seeds: tuple[int, ...]
    blocks: tuple[tuple[int, ...], ...]
    steps: int
    training_key: str
    scoring_key: str
    data_hash: str
    status: dict[int, str]
    state_hashes: dict[int, dict[int, str]]
    metrics: dict[str, Metric]
    manifests: dict[str, dict[str, Any]]
    references: dict[str, dict[str, float]]


class Environment(Part):
    """Where a record was made.

    commit: the commit of the code, or None if it is unknown; then `why` gives the reason.
    dirty: whether the code differed from the commit.
    """

    commit: str | None
    why: str | None = None
    dirty: bool | None = None
    device: str
    python: str
    torch: str
    numpy: str
    threads: int
    cpu_capability: str
    variables: dict[str, str] = {}


class Provenance(Part):
    """The content of provenance.json, which may differ between equal runs.

    environment: that of the newest blocks.
    training_seconds: the seconds that each block took, by the clock.
    training_cpu_seconds: the seconds of one core that each block took; earlier versions did not record them.
    updates: how the updates of each block ran, e.g. 'eager' or 'captured'.
    earlier: maps a block that was made before and elsewhere to its own environment.
    """

    environment: Environment
    earlier: dict[int, Environment] = {}
    training_seconds: dict[int, float]
    training_cpu_seconds: dict[int, float] = {}
    scoring_seconds: float
    updates: dict[int, str] = {}


class Verified(Part):
    """The content of verified.json: whether the current code reproduces an archived record's states up to a step."""

    agrees: bool
    steps: int
    training_key: str


P = TypeVar("P", bound=BaseModel)


def content(head: Head) -> dict[str, Any]:
    """Return what is written to record.json. Validates `head` again, because its tables have been filled since it was
    created.
    """
    where = f"{head.task}/{head.cell}: {HEAD}"
    return {
        "schema": SCHEMA,
        **validate(Head, head.model_dump(mode="json", warnings=False), where).model_dump(mode="json"),
    }


def read_head(folder: Path) -> Head:
    """Read the head of the record in `folder`, whichever schema it was written with. Every reader of records starts
    here.

    Raises BenchError with cell, file, fault and cure in one line. This includes a broken seal and a record that belongs
    to another cell or, in the archive, to another preset.
    """
    cell = CellName(folder.parent.name, folder.name)
    where, cure = f"{cell}: {HEAD}", f"run `{command_of(folder)}`"
    seal.check(folder)
    found = _mapping(folder / HEAD, where, cure)
    if "schema" not in found:
        missing = ["schema", *(name for name in Head.model_fields if name not in found)]
        raise BenchError(f"{where} has no {', '.join(missing)}; {cure}")
    head = validate(Head, _without_schema(upgrade(found, str(cell), cure)), where, cure)
    if found["schema"] >= SEALED and not seal.has_seal(folder):
        raise BenchError(f"{cell}: {SEAL} is missing: restore the record, e.g. with git, or {cure}")
    if (head.task, head.cell) != (cell.task, cell.name):
        raise BenchError(f"{where} belongs to {head.task}/{head.cell}: move the record back, or {cure}")
    preset = folder.parents[1].name
    if folder.parents[2].name == ARCHIVE.name and head.preset != preset:
        raise BenchError(f"{where} belongs to preset {head.preset}, not {preset}: move the record back")
    return head


def read_provenance(folder: Path) -> Provenance:
    """Read the provenance of the record in `folder`; raises the errors of `read_head`."""
    cell = CellName(folder.parent.name, folder.name)
    where, cure = f"{cell}: {PROVENANCE}", f"run `{command_of(folder)}`"
    return validate(Provenance, _mapping(folder / PROVENANCE, where, cure), where, cure)


def read_verified(folder: Path) -> Verified:
    """Read what `bench verify` stored in the folder of an archived record; raises the errors of `read_head`."""
    where, cure = f"{CellName(folder.parent.name, folder.name)}: {VERIFIED}", "run `bench verify` on its preset"
    return validate(Verified, _mapping(folder / VERIFIED, where, cure), where, cure)


def upgrade(found: dict[str, Any], cell: str, cure: str) -> dict[str, Any]:
    """Return a head of any earlier schema as one of the current schema. Raises BenchError for an unknown schema.

    Schema 1 had a unit for every metric, which was always empty, since labels name units. Schemas 1 and 2 had no seal.
    """
    if (number := found["schema"]) not in range(1, SCHEMA + 1) or isinstance(number, bool):
        raise BenchError(f"{cell} has schema {number}, but this code reads 1 to {SCHEMA}; {cure}")
    if number > 1 or not isinstance(metrics := found.get("metrics"), dict):
        return found | {"schema": SCHEMA}
    without = {
        name: {key: value for key, value in block.items() if key != "unit"} if isinstance(block, dict) else block
        for name, block in metrics.items()
    }
    return found | {"schema": SCHEMA, "metrics": without}


def validate(model: type[P], block: Any, where: str, cure: str = "") -> P:
    """Return `block`, as read from JSON or YAML, as a `model`.

    Raises BenchError in one line that says where the fault is, what it is and how to cure it.
    """
    try:
        return model.model_validate_json(json.dumps(block, default=str))
    except ValidationError as error:
        fault = _fault(error.errors(), block)
    except RecursionError:
        fault = TOO_DEEP
    raise BenchError(f"{where} {fault}{f'; {cure}' if cure else ''}")


def _without_schema(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "schema"}


def _mapping(path: Path, where: str, cure: str) -> dict[str, Any]:
    try:
        found = json.loads(read_bytes(path).decode("utf-8"))
    except RecursionError:
        raise BenchError(f"{where} {TOO_DEEP}; {cure}") from None
    except (ValueError, OSError) as error:
        raise BenchError(f"{where} cannot be read ({str(error).splitlines()[0]}); {cure}") from None
    if not isinstance(found, dict):
        raise BenchError(f"{where} cannot be read (it is not a mapping); {cure}")
    return found


def _fault(errors: list[Any], block: Any) -> str:
    """Describe what is wrong: all keys that are missing at the top level, or else the first fault by its dotted key.

    An unknown key comes first, because a misspelt key is also a missing one.
    """
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    if first["type"] == "json_invalid":  # what Python has just written as JSON, so only its depth can be at fault
        return TOO_DEEP
    key = ".".join(_keys(block, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"has an unknown key {key}"
    if missing := [str(error["loc"][0]) for error in errors if error["type"] == "missing" and len(error["loc"]) == 1]:
        return f"has no {', '.join(missing)}"
    if first["type"] == "missing":
        return f"has no {key}"
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"has an invalid {key}: {message[0].lower()}{message[1:]}, got {ascii(first['input'])[:80]}"


def _keys(block: Any, place: Iterable[str | int]) -> list[str]:
    """Return a pydantic location as keys of `block`, without the branches of unions, which are not keys."""
    keys = []
    for name in place:
        inside = isinstance(block, dict) or (isinstance(block, list) and isinstance(name, int))
        if inside:
            keys.append(str(name))
            block = block.get(name) if isinstance(block, dict) else block[name]
    return keys
