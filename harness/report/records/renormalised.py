"""Convert the normalised returns of older records to today's definition of the metric.

In older records 1 was the mean return of the demonstrated episodes, all of which the expert had survived. Now 1 is the
score of the expert's own cell over every episode, with sampled actions or with the policy's mode. Both are linear in
returns that every record has, so the new values follow from these and from the expert's record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import seal
from harness.store import ARCHIVE, ARTEFACTS, HEAD, SCORES

RANDOM, EXPERT = "actions at random", "expert"  # the labels of references in `harness.metrics.episodes`
OF = {"return": "normalised", "return_mode": "normalised_mode"}  # a metric of returns -> its normalised metric
LABELS = {
    "normalised": "return: 0 for actions at random, 1 for the expert",
    "normalised_mode": "return of the policy's mode: 0 for actions at random, 1 for the expert's mode",
}
PLACE = "demonstrations/place"  # the index of the expert's seed in its block
Between = dict[str, dict[str, float]]  # normalised metric -> label -> return


def between(record: dict[str, Any], folder: Path) -> Between:
    """Return what the returns of an older record are to be normalised between; empty if it needs no conversion.

    folder: the folder of the record's tasks, results/records or results/archive/<preset>.
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
    """Return the record's head with the metrics, manifests and references that match `found`."""
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
    """Return the record's scores with the normalised ones recomputed."""
    made = [scores[~scores.metric.isin(found)]]
    for name, normalised in OF.items():
        if normalised in found:
            ends, own = found[normalised], scores[scores.metric == name]
            share = (own.value - ends[RANDOM]) / (ends[EXPERT] - ends[RANDOM])
            made.append(own.assign(metric=normalised, value=share))
    return pd.concat(made, ignore_index=True)


def _scores(place: Path) -> dict[str, float]:
    """Return the final scores of the seed that made the demonstrations, by metric.

    Older files do not name that seed; it was the one with the highest return.
    """
    seal.check(place)
    table = pd.read_csv(place / SCORES)
    last = table[table.step == table.step.max()].pivot(index="seed", columns="metric", values="value")
    with np.load(place / ARTEFACTS) as file:
        known = int(file[PLACE][0]) if PLACE in file.files else None
    seed = last["return"].idxmax() if known is None else list(dict.fromkeys(table.seed))[known]
    return last.loc[seed].dropna().to_dict()
