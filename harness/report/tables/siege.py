"""Make tables of attacks on the harness, from the tally that `python -m harness.tests.siege --write` left."""

from __future__ import annotations

import json
from pathlib import Path

from harness.report.records.measured import SIEGE
from harness.report.tables.entries import Table, Text, count

COMMAND = "python -m harness.tests.siege --whole --limits --minutes 60 --write"
ENDS = ("refused", "harmless", "FAULT")
DONE = {  # the kinds of attack, in words
    "flip": "one bit of a checkpoint is flipped",
    "truncate": "the end of a checkpoint is cut off, or something is added",
    "swap": "a checkpoint gets the content of another one",
    "resume": "files of an unfinished run are damaged, and it trains on",
    "record": "a file of a record is damaged, by a slip of the hand or by the disk",
    "parameters": "a value, a key or a byte of params.yaml is changed",
    "archive": "a packed file has members of any name and kind",
    "merge": "records of another copy have names, links and bytes of any kind",
    "import": "scores made elsewhere have a row, a column or a manifest of any kind",
    "name": "a command gets a name of any kind",
    "kill": "a command is killed at one of its writes and called again",
    "full": "the disk is full or read only from one of the writes on",
    "limit": "a command has no room for files, no home, no git, or a clock set back",
    "orphan": "two jobs run at once, and one or its worker gets a signal",
}
NOTE = (
    "Refused: reported in one line, with nothing lost. Harmless: no effect on any result; after a kill or a full disk "
    "the next call gives bit-equal results. FAULT: anything else."
)


def tables(folder: Path) -> list[Table]:
    """Make a table of the kinds of attack, and one of the limits of a machine that were tried.

    Returns no table if the file is missing or damaged, because no result depends on it.
    """
    try:
        said = json.loads((folder / SIEGE).read_text(encoding="utf-8"))
        rows = [
            [
                Text(row["kind"]),
                Text(DONE.get(row["kind"], "")),
                *(count(row[end], strong=end == "FAULT" and row[end] > 0) for end in ENDS),
            ]
            for row in said["attacks"]
        ]
        tried = [
            [Text(row["limit"]), Text(row["end"], alarm=row["end"] == "FAULT"), Text(row["note"])]
            for row in said.get("limits", ())
        ]
        made = f"Seed {said['seed']}, {said['seconds']} s, commit {str(said['commit'])[:10]}; made by `{COMMAND}`."
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    notes = [NOTE, made, *(f"FAULT in attack {fault}" for fault in said.get("faults", ()))]
    attacks = Table(
        "Attacks on records, checkpoints, parameters and commands", ["kind", "what is done", *ENDS], rows, notes
    )
    limits = Table("What a machine can refuse", ["limit", "end", "command and what it says"], tried, [NOTE])
    return [attacks, *([limits] if tried else [])]
