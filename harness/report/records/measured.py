"""The measured speeds of results/benchmarks: one JSON for each benchmark, all of one schema, read and checked here.

A record: benchmark (the file's name), title, peer ({name, version}, or null where none is compared), settings, machine
({processor, threads, torch}), commit, quick (reduced: two pairs, less work), rows. A row is one quantity, measured
alternately in one session: name, unit, higher_is_better, against (what stands beside ours, "" for nothing), pairs
([{ours, theirs}]), their summaries ours, theirs and ratio = ours / theirs within each pair ({median, least, most}, or
null), aim ({of: ratio or ours, at_most or at_least: number}, or null).
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
FEWEST_PAIRS = 5  # of a record that is not quick
COMMAND = "bench speed"
SIEGE = "siege.json"  # in the same folder: what attacks on the harness came to

Record = dict[str, Any]


def load_measured(folder: Path) -> list[Record]:
    """All records by file name, a quick one only where there is no full one; none without the folder.

    Raises BenchError for a file that is not of the schema.
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
    """ours, theirs and the ratio of each pair; the last two are null where nothing stands beside ours."""
    beside = all("theirs" in pair for pair in pairs)
    return {
        "ours": summary([pair["ours"] for pair in pairs]),
        "theirs": summary([pair["theirs"] for pair in pairs]) if beside else None,
        "ratio": summary([pair["ours"] / pair["theirs"] for pair in pairs]) if beside else None,
    }


def fault(record: Any, name: str) -> str | None:
    """The first thing that is not as the schema says, or None. name: of the file, without suffix."""
    if not isinstance(record, dict) or set(record) != set(FIELDS):
        return f"its entries are not {', '.join(FIELDS)}"
    if record["benchmark"] != name:
        return f"it is named {record['benchmark']}"
    if set(record["machine"]) != set(MACHINE):
        return f"machine has not {', '.join(MACHINE)}"
    if record["peer"] is not None and set(record["peer"]) != {"name", "version"}:
        return "peer has not name and version"
    if not record["rows"]:
        return "it has no row"
    return next((wrong for row in record["rows"] if (wrong := _row_fault(row, record["quick"]))), None)


def _row_fault(row: Any, quick: bool) -> str | None:
    if not isinstance(row, dict) or set(row) != set(ROW):
        return f"a row's entries are not {', '.join(ROW)}"
    where = f"row {row['name']}"
    keys = {"ours", "theirs"} if row["against"] else {"ours"}
    if not all(set(pair) == keys and min(pair.values()) > 0 for pair in row["pairs"]):
        return f"{where}: a pair is not {' and '.join(sorted(keys))}, above 0"
    if len(row["pairs"]) < (1 if quick else FEWEST_PAIRS):
        return f"{where} has {len(row['pairs'])} pairs of {FEWEST_PAIRS}"
    if {name: row[name] for name in ("ours", "theirs", "ratio")} != summaries(row["pairs"]):
        return f"{where}: the summaries are not those of its pairs"
    if (aim := row["aim"]) is None:
        return None
    if aim.get("of") not in ("ours", "ratio") or row[aim["of"]] is None or len(set(aim) & {"at_most", "at_least"}) != 1:
        return f"{where}: its aim is not of ours or ratio, at_most or at_least"
    return None


def met(row: dict[str, Any]) -> bool | None:
    """Does the median reach the aim? None without one."""
    if (aim := row["aim"]) is None:
        return None
    found = row[aim["of"]]["median"]
    return found <= aim["at_most"] if "at_most" in aim else found >= aim["at_least"]


def stated(row: dict[str, Any], name: str) -> float | None:
    """The value that the aim of a row gives to this quantity."""
    aim = row["aim"]
    return aim.get("at_most", aim.get("at_least")) if aim is not None and aim["of"] == name else None


def cost(row: dict[str, Any]) -> dict[str, float]:
    """The ratio as one of times, ours to theirs, whatever was counted: below 1 ours is faster."""
    if not row["higher_is_better"]:
        return row["ratio"]
    return summary([pair["theirs"] / pair["ours"] for pair in row["pairs"]])
