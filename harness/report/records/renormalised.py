"""Normalised returns of older records, brought up to what the metric is today.

They were 1 for the mean of the episodes that are shown, which the expert had survived; now they are 1 for what the
expert's own cell was scored with, every episode, drawing its actions or taking their mode. Both are linear in returns
that every record holds, so what is recorded follows from these and from the record of the expert.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import seal
from harness.store import ARCHIVE, ARTEFACTS, HEAD, SCORES

RANDOM, EXPERT = "actions at random", "expert"  # as `harness.metrics.episodes` calls its references
OF = {"return": "normalised", "return_mode": "normalised_mode"}  # the return -> what is normalised of it
LABELS = {
    "normalised": "return: 0 for actions at random, 1 for the expert",
    "normalised_mode": "return of the policy's mode: 0 for actions at random, 1 for the expert's mode",
}
PLACE = "demonstrations/place"  # of the expert's seed in its block
Between = dict[str, dict[str, float]]  # normalised metric -> label -> return


def between(record: dict[str, Any], folder: Path) -> Between:
    """What the returns of an older record are to be normalised between; empty where it needs nothing.

    folder: that of the record's tasks, results/records or results/archive/<preset>.
    """
    said = record["metrics"].get("normalised")
    source = record["params"]["task"].get("demonstrations")
    if not said or not source or "between" in record["manifests"].get(said["manifest"] or "", {}):
        return {}
    results = folder.parents[1] if folder.parent.name == ARCHIVE.name else folder.parent
    place = (results if source.startswith(f"{ARCHIVE.name}/") else folder) / source
    if not all((place / name).is_file() for name in (HEAD, SCORES, ARTEFACTS)):
        return {}
    reached, random = _scores(place), record["references"].get("return", {}).get(RANDOM)
    if random is None:
        return {}
    ends = {name: {RANDOM: random, EXPERT: reached[name]} for name in OF if name in reached}
    return {OF[name]: values for name, values in ends.items() if values[EXPERT] > random}


def head(record: dict[str, Any], found: Between) -> dict[str, Any]:
    """The record's head with the metrics, manifests and references that go with `found`."""
    metrics, manifests = dict(record["metrics"]), dict(record["manifests"])
    references = dict(record["references"])
    for name, normalised in OF.items():
        if normalised in found and name in metrics:
            manifest = f"{metrics[name]['manifest']}-{normalised}"
            manifests[manifest] = manifests.get(metrics[name]["manifest"], {}) | {"between": found[normalised]}
            ways = {"headline": False, "floor": 0.0, "label": LABELS[normalised], "manifest": manifest}
            metrics[normalised] = metrics[name] | ways
            references[name] = found[normalised]
    return record | {"metrics": metrics, "manifests": manifests, "references": references}


def rows(scores: pd.DataFrame, found: Between) -> pd.DataFrame:
    """The record's scores with those that are normalised anew."""
    made = [scores[~scores.metric.isin(found)]]
    for name, normalised in OF.items():
        if normalised in found:
            ends, own = found[normalised], scores[scores.metric == name]
            share = (own.value - ends[RANDOM]) / (ends[EXPERT] - ends[RANDOM])
            made.append(own.assign(metric=normalised, value=share))
    return pd.concat(made, ignore_index=True)


def _scores(place: Path) -> dict[str, float]:
    """Metric -> what the seed that left the episodes got at the end; of older files the one with the highest return."""
    seal.check(place)
    table = pd.read_csv(place / SCORES)
    last = table[table.step == table.step.max()].pivot(index="seed", columns="metric", values="value")
    with np.load(place / ARTEFACTS) as file:
        known = int(file[PLACE][0]) if PLACE in file.files else None
    seed = last["return"].idxmax() if known is None else list(dict.fromkeys(table.seed))[known]
    return last.loc[seed].dropna().to_dict()
