"""Join two records of one cell with different seeds into the record that all seeds would have given at once.

The blocks of the second come after those of the first. Every file except provenance.json has exactly the bytes of a
single run of all blocks with the same code.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness import packed
from harness.errors import BenchError
from harness.plan.plan import Cell
from harness.run.params import flatten
from harness.run.record import to_json, to_npz
from harness.schema import Head, Provenance, Resolved, content, read_head, read_provenance
from harness.store import ARTEFACTS, CURVES, HEAD, PANELS, PROVENANCE, SCORES, SHEET

SHARED = "demonstrations/"  # artefacts that the first block leaves for all
# (parameter, value in older records) -> the name of the same value today.
RENAMED = {("method.discriminator.loss", "non_saturating"): "minimax"}  # for GAIL's critic, which has no generator


def joined(first: Path, more: Path) -> dict[str, bytes]:
    """Return the content of each file, by name, of the record that has the seeds of both folders.

    Metrics that only the second has are left out, because seeds without snapshots can no longer be scored by them.
    Raises BenchError if the two are not of one cell, share a seed, or were measured differently.
    """
    one, other = read_head(first), read_head(more)
    _must_be_alike(one, other)
    files = {
        HEAD: to_json(content(_head(one, other))),
        SCORES: _table([_rows(first / SCORES), _measured(_rows(more / SCORES), one.metrics)]),
        CURVES: _table([_rows(folder / CURVES) for folder in (first, more)]),
        PROVENANCE: to_json(_provenance(first, more, len(one.blocks))),
    }
    if panels := [_rows(folder / PANELS) for folder in (first, more) if packed.standing(folder / PANELS).is_file()]:
        files[PANELS] = _table(panels)
    if (first / SHEET).is_file():
        files[SHEET] = (first / SHEET).read_bytes()
    if (first / ARTEFACTS).is_file():
        files[ARTEFACTS] = to_npz(_arrays(first / ARTEFACTS, more / ARTEFACTS))
    return files


def begins_with(whole: Path, part: Path) -> bool:
    """Return whether the record in `whole` is that in `part` with more blocks of seeds joined to it."""
    ours, theirs = read_head(whole), read_head(part)
    n, seeds = len(theirs.blocks), len(theirs.seeds)
    if (ours.blocks[:n], ours.seeds[:seeds]) != (theirs.blocks, theirs.seeds) or len(ours.seeds) == seeds:
        return False
    same = all(ours.state_hashes.get(i) == hashes for i, hashes in theirs.state_hashes.items())
    same &= all(ours.status.get(seed) == word for seed, word in theirs.status.items())
    same &= (whole / SCORES).read_bytes().startswith((part / SCORES).read_bytes())
    return same and not _difference(theirs, ours)


def _must_be_alike(one: Head, other: Head) -> None:
    name = f"{one.task}/{one.cell}"
    if wrong := _difference(one, other):
        raise BenchError(f"{name}: {wrong} of the record and of the further seeds differ: they are not of one cell")
    if shared := sorted(set(one.seeds) & set(other.seeds)):
        raise BenchError(f"{name}: both have seed {shared[0]}")
    for metric, said in one.metrics.items():
        block = other.metrics.get(metric)
        if block is None or _measure(one, metric) != _measure(other, metric):
            way = "is not" if block is None else "is differently"
            raise BenchError(
                f"{name}: {said.label} {way} measured by the present code: check out the commit that made the record,"
                " or give the preset another name and train all of it"
            )


def of_one_cell(head: Head, cell: Cell, data_hash: str) -> str:
    """Return the first thing in which a record differs from what the parameters ask for; '' if seeds can be added.

    So a difference is reported before anything is trained.
    """
    asked = {key: getattr(cell, key) for key in ("protocol", "preset", "family", "algorithm", "ablation")}
    params = Resolved(task=cell.task_params.model_dump(mode="json"), method=cell.method_params.model_dump(mode="json"))
    asked |= {"steps": cell.task_params.steps, "data_hash": data_hash, "params": params}
    return _difference(head, head.model_copy(update=asked))


def _difference(one: Head, other: Head) -> str:
    """Return the first thing in which two cells differ; '' for the same cell. New parameters are no difference."""
    for key in ("protocol", "preset", "task", "cell", "family", "algorithm", "ablation", "steps", "data_hash"):
        if getattr(one, key) != getattr(other, key):
            return key
    before, now = (flatten({k: dict(v) for k, v in head.params}) for head in (one, other))

    def same(key: str, value: Any) -> bool:
        return key in now and now[key] in (value, RENAMED.get((key, str(value)), value))

    return next((key for key, value in before.items() if not same(key, value)), "")


def _measure(head: Head, metric: str) -> tuple[Any, ...]:
    said = head.metrics[metric]
    return said.higher_is_better, said.floor, said.label, head.manifests.get(said.manifest or "")


def _head(one: Head, other: Head) -> Head:
    """Return the head of the second record, as that of later blocks, with what the first has."""
    metrics = {name: other.metrics[name] for name in one.metrics}
    manifests = {name for said in metrics.values() if (name := said.manifest) is not None}
    return other.model_copy(
        update={
            "seeds": one.seeds + other.seeds,
            "blocks": one.blocks + other.blocks,
            "status": one.status | other.status,
            "state_hashes": one.state_hashes | _moved(other.state_hashes, len(one.blocks)),
            "metrics": metrics,
            "manifests": one.manifests | {name: other.manifests[name] for name in manifests},
            "references": one.references | {k: v for k, v in other.references.items() if k in metrics},
        }
    )


def _moved(by_block: dict[int, Any], blocks: int) -> dict[int, Any]:
    return {blocks + index: value for index, value in by_block.items()}


def _provenance(first: Path, more: Path, blocks: int) -> dict[str, Any]:
    """Join the provenance: blocks keep their seconds and, if made elsewhere or by another commit, their environment."""
    one, other = read_provenance(first), read_provenance(more)
    earlier = {i: one.earlier.get(i, one.environment) for i in range(blocks)}
    earlier = {i: made for i, made in earlier.items() if made != other.environment}
    words: dict[str, Any] = {
        "environment": other.environment,
        "training_seconds": one.training_seconds | _moved(other.training_seconds, blocks),
        "scoring_seconds": round(one.scoring_seconds + other.scoring_seconds, 2),
    }
    if cpu := one.training_cpu_seconds | _moved(other.training_cpu_seconds, blocks):
        words["training_cpu_seconds"] = cpu
    words |= {"earlier": earlier} if earlier else {}
    words |= {"updates": updates} if (updates := one.updates | _moved(other.updates, blocks)) else {}
    return Provenance(**words).model_dump(mode="json", exclude_unset=True)


Rows = Sequence[Sequence[str]]  # the first row is the header


def _rows(path: Path) -> Rows:
    return list(csv.reader(io.StringIO(packed.contents(path).decode(), newline="")))


def _measured(rows: Rows, metrics: Iterable[str]) -> Rows:
    place = rows[0].index("metric")
    return [rows[0], *(row for row in rows[1:] if row[place] in metrics)]


def _table(tables: Iterable[Rows]) -> bytes:
    """Concatenate the rows of all tables, under all columns in the order in which they first appear."""
    given = list(tables)
    names = list(dict.fromkeys(name for rows in given for name in (rows[0] if rows else ())))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for header, *body in (rows for rows in given if rows):
        places = [header.index(name) if name in header else None for name in names]
        writer.writerows(["" if place is None else row[place] for place in places] for row in body)
    return text.getvalue().encode()


def _arrays(first: Path, more: Path) -> dict[str, np.ndarray]:
    with np.load(first) as ours, np.load(more) as theirs:
        return {
            name: ours[name] if name.startswith(SHARED) else np.concatenate([ours[name], theirs[name]])
            for name in ours.files
        }
