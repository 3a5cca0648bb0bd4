"""Read and check the measured speeds in results/benchmarks: one JSON file for each benchmark, all with one schema.

A record has: benchmark (the file's name), title, peer ({name, version}, or null if there is none), settings, machine
({processor, threads, torch}), commit, quick (whether reduced to two pairs and less work) and rows. A row is one
quantity, measured alternately for both sides in one session: name, unit, higher_is_better, against (what ours is
compared with, "" for nothing), pairs ([{ours, theirs}]), the summaries ours, theirs and ratio = ours / theirs within
each pair ({median, least, most}, or null), and aim ({of: ratio or ours, at_most or at_least: number}, or null).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import BenchError

FIELDS = ("benchmark", "title", "peer", "settings", "machine", "commit", "quick", "rows")
ROW = ("name", "unit", "higher_is_better", "against", "pairs", "ours", "theirs", "ratio", "aim")
MACHINE = ("processor", "threads", "torch")
FEWEST_PAIRS = 5  # for a record that is not quick
COMMAND = "bench speed"
SIEGE = "siege.json"  # in the same folder: the results of attacks on the harness

Record = dict[str, Any]


def load_measured(folder: Path) -> list[Record]:
    """Return all records in the order of their file names; a quick one only if there is no full one.

    Returns none if the folder does not exist. Raises BenchError for a file that does not match the schema.
    """
    found = []
    for path in sorted(set(folder.glob("*.json")) - {folder / SIEGE}):
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            raise BenchError(f"{path} is not valid JSON: make it again with `{COMMAND}`") from None
        if wrong := fault(held, path.stem):
            raise BenchError(f"{path}: {wrong}; make it again with `{COMMAND}`")
        found.append(held)
    names = {record["benchmark"] for record in found}
    return [
        record for record in found if record["benchmark"].removesuffix("-quick") not in names or not record["quick"]
    ]


def summary(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def summaries(pairs: Sequence[dict[str, float]]) -> dict[str, dict[str, float] | None]:
    """Summarise ours, theirs and the ratio within each pair; the last two are None if ours is compared with nothing."""
    beside = all("theirs" in pair for pair in pairs)
    return {
        "ours": summary([pair["ours"] for pair in pairs]),
        "theirs": summary([pair["theirs"] for pair in pairs]) if beside else None,
        "ratio": summary([pair["ours"] / pair["theirs"] for pair in pairs]) if beside else None,
    }


def fault(record: Any, name: str) -> str | None:
    """Describe the first thing that does not match the schema; None if everything does.

    name: the name of the file without its suffix.
    """
    if not isinstance(record, dict) or set(record) != set(FIELDS):
        return f"its keys must be {', '.join(FIELDS)}"
    if record["benchmark"] != name:
        return f"benchmark must be {name}, got {record['benchmark']}"
    if set(record["machine"]) != set(MACHINE):
        return f"the keys of machine must be {', '.join(MACHINE)}"
    if record["peer"] is not None and set(record["peer"]) != {"name", "version"}:
        return "the keys of peer must be name and version"
    if not record["rows"]:
        return "it must have at least one row"
    return next((wrong for row in record["rows"] if (wrong := _row_fault(row, record["quick"]))), None)


def _row_fault(row: Any, quick: bool) -> str | None:
    if not isinstance(row, dict) or set(row) != set(ROW):
        return f"the keys of a row must be {', '.join(ROW)}"
    where = f"row {row['name']}"
    keys = {"ours", "theirs"} if row["against"] else {"ours"}
    if not all(set(pair) == keys and min(pair.values()) > 0 for pair in row["pairs"]):
        return f"{where}: a pair must have positive numbers for {' and '.join(sorted(keys))} and nothing else"
    if len(row["pairs"]) < (1 if quick else FEWEST_PAIRS):
        return f"{where} must have at least {FEWEST_PAIRS} pairs, got {len(row['pairs'])}"
    if {name: row[name] for name in ("ours", "theirs", "ratio")} != summaries(row["pairs"]):
        return f"{where}: the summaries do not match its pairs"
    if (aim := row["aim"]) is None:
        return None
    if aim.get("of") not in ("ours", "ratio") or row[aim["of"]] is None or len(set(aim) & {"at_most", "at_least"}) != 1:
        return f"{where}: its aim must be of ours or of ratio, with either at_most or at_least"
    return None


def met(row: dict[str, Any]) -> bool | None:
    """Return whether the median reaches the aim, or None without an aim."""
    if (aim := row["aim"]) is None:
        return None
    found = row[aim["of"]]["median"]
    return found <= aim["at_most"] if "at_most" in aim else found >= aim["at_least"]


def stated(row: dict[str, Any], name: str) -> float | None:
    """Return the value that the aim of a row sets for this quantity, or None."""
    aim = row["aim"]
    return aim.get("at_most", aim.get("at_least")) if aim is not None and aim["of"] == name else None


def cost(row: dict[str, Any]) -> dict[str, float]:
    """Return the ratio as a ratio of times, ours to theirs, whatever was measured: below 1, ours is faster."""
    if not row["higher_is_better"]:
        return row["ratio"]
    return summary([pair["theirs"] / pair["ours"] for pair in row["pairs"]])
