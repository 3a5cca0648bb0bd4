"""A record as small as its schema allows, for tests of what is written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import packed, seal
from harness.run.record import to_json
from harness.schema import Head, Metric, Resolved, content
from harness.store import HEAD

ENVIRONMENT = {
    "commit": "c" * 40,
    "dirty": False,
    "device": "x86_64",
    "python": "3.11.7",
    "torch": "2.13.0",
    "numpy": "2.4.6",
    "threads": 1,
    "cpu_capability": "AVX2",
    "variables": {},
}


def head(task: str, cell: str, **changes: Any) -> Head:
    """The head of a cell with seeds 0 and 1 and one metric, `error`."""
    whole = {
        "protocol": 1,
        "preset": "laptop",
        "task": task,
        "method": cell,
        "cell": cell,
        "family": "gaussians",
        "algorithm": "critic",
        "tier": "bit-exact",
        "ablation": None,
        "params": Resolved(task={"steps": 10}, method={"batch": 8}),
        "seeds": (0, 1),
        "blocks": ((0, 1),),
        "steps": 10,
        "training_key": "0" * 16,
        "scoring_key": "1" * 16,
        "data_hash": "2" * 16,
        "status": {0: "finished", 1: "finished"},
        "state_hashes": {0: {1: "3" * 16}},
        "metrics": {
            "error": Metric(higher_is_better=False, floor=90.0, label="error (%)", headline=True, manifest="a1b2c3d4")
        },
        "manifests": {"a1b2c3d4": {"n_real": 100}},
        "references": {},
    }
    return Head(**whole | changes)


def put(folder: Path, found: Head, **files: bytes) -> None:
    """Write a record as its writer does: {stem: content of <stem>.csv} beside its head, and the seal."""
    seal.write(folder, {HEAD: to_json(content(found))} | {f"{stem}.csv": text for stem, text in files.items()})


def reseal(folder: Path) -> None:
    """Seal a record again after it was changed, as none but a writer may."""
    files = {path: path.read_bytes() for path in folder.iterdir() if path.name != seal.SEAL}
    seal.write(folder, packed.unpacked(files))
