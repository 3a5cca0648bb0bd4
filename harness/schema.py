"""What stands in a record: the one schema that its writer (`harness.run.record`) and its readers share.

A record folder, `results/records/<task>/<cell>/`, holds the files of `harness.store`: record.json (`Head`), scores.csv,
curves.csv, provenance.json (`Provenance`) and, of some families, panels.csv, sheet.png and artefacts.npz, all of them
under one seal (`harness.seal`); an archived one may hold verified.json (`Verified`). Records of an earlier schema are
brought up to this one as they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import seal
from harness.errors import BenchError
from harness.settings import Seeds, Settings
from harness.store import ARCHIVE, HEAD, PROVENANCE, SEAL, VERIFIED, CellName, Value, command_of

SCHEMA = 3
SEALED = 3  # the first schema whose records have a seal
# Column -> kind of its values. curves.csv has further columns, one for each log, all of them numbers.
SCORE_COLUMNS: dict[str, type] = {"task": str, "method": str, "seed": int, "step": int, "metric": str, "value": float}
CURVE_COLUMNS: dict[str, type] = {"seed": int, "step": int}
PANEL_COLUMNS: dict[str, type] = {"seed": int, "panel": str, "x": float, "y": float}

Tier = Literal["bit-exact", "same-device exact", "statistical"]


class Ablation(Settings):
    """A cell per value: `method` with the dotted `key` of its block set to it.

    set: further keys, the same for all values. along: further keys with a value for each of
    `values`, e.g. the dual step that suits each bound. reference: the method whose score is drawn
    as a line.
    """

    method: str
    key: str
    values: tuple[Value, ...] = Field(min_length=1)
    seeds: Seeds
    set: dict[str, Value | None] = {}
    along: dict[str, tuple[Value, ...]] = {}
    reference: str | None = None


class Part(BaseModel):
    """A part of a record: each key is there, no other one is, and every value is of its kind."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Ablated(Part):
    """Which value of which ablation a cell is: `of` is the method, `key` the dotted key that is set to `value`."""

    name: str
    key: str
    value: Value
    of: str


class Metric(Part):
    """What the scores of one name are. floor: what a failed run counts with; manifest: a key of the head's `manifests`.

    higher_is_better: None where the metric only describes.
    """

    higher_is_better: bool | None
    floor: float
    label: str
    headline: bool
    manifest: str | None


class Resolved(Part):
    """The parameters that the cell was trained with, every default filled in."""

    task: dict[str, Any]
    method: dict[str, Any]


class Head(Part):
    """record.json: what the scores are of, without anything that a second run of the same cell could change.

    status: seed -> 'finished', 'collapsed' or 'diverged at step N'. state_hashes: block -> step -> hash of the state.
    manifests: name -> how a metric was measured. references: metric -> label -> value, e.g. a train-test floor.
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

    commit: of the code, None where it is unknown and `why` says so; dirty: whether the code differed from it.
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
    """provenance.json: what may differ between equal runs. Seconds and kinds of updates are those of each block.

    environment: of the newest blocks; earlier: block -> its own, of those that were made before and elsewhere.
    """

    environment: Environment
    earlier: dict[int, Environment] = {}
    training_seconds: dict[int, float]
    scoring_seconds: float
    updates: dict[int, str] = {}


class Verified(Part):
    """verified.json: whether the present code makes the same states as an archived record up to a step."""

    agrees: bool
    steps: int
    training_key: str


P = TypeVar("P", bound=BaseModel)


def content(head: Head) -> dict[str, Any]:
    """What is written to record.json; `head` is checked once more, as its tables have been filled since it was made."""
    where = f"{head.task}/{head.cell}: {HEAD}"
    return {
        "schema": SCHEMA,
        **checked(Head, head.model_dump(mode="json", warnings=False), where).model_dump(mode="json"),
    }


def read_head(folder: Path) -> Head:
    """The head of the record in `folder`, whichever schema it was written with; the way into every record.

    Raises BenchError with cell, file, fault and cure in one line: also where the seal of the record is broken, and
    where it is the record of another cell or, in the archive, of another preset.
    """
    cell = CellName(folder.parent.name, folder.name)
    where, cure = f"{cell}: {HEAD}", f"run `{command_of(folder)}`"
    seal.check(folder)
    found = _mapping(folder / HEAD, where, cure)
    if "schema" not in found:
        missing = ["schema", *(name for name in Head.model_fields if name not in found)]
        raise BenchError(f"{where} has no {', '.join(missing)}; {cure}")
    head = checked(Head, _without_number(upgraded(found, str(cell), cure)), where, cure)
    if found["schema"] >= SEALED and not seal.has_seal(folder):
        raise BenchError(f"{cell}: {SEAL} is missing: restore the record, e.g. with git, or {cure}")
    if (head.task, head.cell) != (cell.task, cell.name):
        raise BenchError(f"{where} is of {head.task}/{head.cell}: put the record back where it belongs, or {cure}")
    preset = folder.parents[1].name
    if folder.parents[2].name == ARCHIVE.name and head.preset != preset:
        raise BenchError(f"{where} is of preset {head.preset}, not {preset}: put the record back where it belongs")
    return head


def read_provenance(folder: Path) -> Provenance:
    """The provenance of the record in `folder`; errors as of `read_head`."""
    cell = CellName(folder.parent.name, folder.name)
    where, cure = f"{cell}: {PROVENANCE}", f"run `{command_of(folder)}`"
    return checked(Provenance, _mapping(folder / PROVENANCE, where, cure), where, cure)


def read_verified(folder: Path) -> Verified:
    """What `bench verify` left in the folder of an archived record; errors as of `read_head`."""
    where, cure = f"{CellName(folder.parent.name, folder.name)}: {VERIFIED}", "run `bench verify` on its preset"
    return checked(Verified, _mapping(folder / VERIFIED, where, cure), where, cure)


def upgraded(found: dict[str, Any], cell: str, cure: str) -> dict[str, Any]:
    """A head of any schema that was ever written as one of the present schema. Raises BenchError for another one.

    Schema 1 gave every metric a unit, which was always empty: labels name units. Up to schema 2 records had no seal.
    """
    if (number := found["schema"]) not in range(1, SCHEMA + 1) or isinstance(number, bool):
        raise BenchError(f"{cell} has schema {number}, this code reads 1 to {SCHEMA}; {cure}")
    if number > 1 or not isinstance(metrics := found.get("metrics"), dict):
        return found | {"schema": SCHEMA}
    without = {
        name: {key: value for key, value in block.items() if key != "unit"} if isinstance(block, dict) else block
        for name, block in metrics.items()
    }
    return found | {"schema": SCHEMA, "metrics": without}


def checked(model: type[P], block: Any, where: str, cure: str = "") -> P:
    """`block`, as read from JSON or YAML, as a `model`.

    Raises BenchError, in one line: where, what is wrong with it, the cure.
    """
    try:
        return model.model_validate_json(json.dumps(block, default=str))
    except ValidationError as error:
        raise BenchError(f"{where} {_fault(error.errors(), block)}{f'; {cure}' if cure else ''}") from None


def _without_number(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "schema"}


def _mapping(path: Path, where: str, cure: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BenchError(f"{where} cannot be read ({str(error).splitlines()[0]}); {cure}") from None
    if not isinstance(found, dict):
        raise BenchError(f"{where} cannot be read (it holds no mapping); {cure}")
    return found


def _fault(errors: list[Any], block: Any) -> str:
    """What is wrong: all keys that lack at the top, or else the first fault, by its dotted key.

    An unknown key is told first, as a misspelt key is also a missing one.
    """
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    key = ".".join(_keys(block, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"has an unknown key {key}"
    if missing := [str(error["loc"][0]) for error in errors if error["type"] == "missing" and len(error["loc"]) == 1]:
        return f"has no {', '.join(missing)}"
    if first["type"] == "missing":
        return f"has no {key}"
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"has a wrong {key}: {message[0].lower()}{message[1:]}, got {ascii(first['input'])[:80]}"


def _keys(block: Any, place: Iterable[str | int]) -> list[str]:
    """A place as keys of `block`: without the branches of unions, which are no keys."""
    keys = []
    for name in place:
        inside = isinstance(block, dict) or (isinstance(block, list) and isinstance(name, int))
        if inside:
            keys.append(str(name))
            block = block.get(name) if isinstance(block, dict) else block[name]
    return keys
