"""Write a cell's record from the parts that its blocks made, perhaps on different machines.

This code is in no scoring key, because it only joins what `harness.places.score` made of each block.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from harness.files import write_bytes
from harness.places.train import ENVIRONMENTS
from harness.plan.plan import Cell
from harness.run.record import Record, to_json
from harness.schema import Tier

NODE = "node"  # in the environment of a block: the machine that it ran on
ORIGIN = ("commit", "dirty", "why")  # also there: the origin of the code, which a node does not know


def write_cell(root: Path, cell: Cell, parts: Sequence[Record], code: dict[str, Any]) -> str | None:
    """Write the record of a cell from the parts of all its blocks, in their order.

    Processors and GPUs of different kinds round differently: a cell whose blocks ran on several kinds is not bit-exact,
    and its device names them all. Returns a line that says so, or None.

    parts: the parts, in the order of the blocks.
    code: the commit of the tree that the blocks' code came from, as `harness.plan.origin` returns it.
    """
    whole, rest = parts[0], parts[1:]
    environments = {
        str(i): {name: value for name, value in part.provenance["environment"].items() if name not in ORIGIN} | code
        for i, part in enumerate(parts)
    }
    for part in rest:
        for name in ("status", "state_hashes", "metrics", "manifests", "references"):
            getattr(whole.head, name).update(getattr(part.head, name))
        for name in ("training_seconds", "training_cpu_seconds", "updates"):
            if name in part.provenance:
                whole.provenance[name] = whole.provenance.get(name, {}) | part.provenance[name]
        whole.provenance["scoring_seconds"] += part.provenance["scoring_seconds"]
        whole.scores += part.scores
        whole.curves += part.curves
        whole.panels += part.panels
        if whole.artefacts is not None:
            for name, arrays in (part.artefacts or {}).items():
                whole.artefacts.setdefault(name, []).extend(arrays)
    whole.provenance["scoring_seconds"] = round(whole.provenance["scoring_seconds"], 2)
    told = {name: value for name, value in environments["0"].items() if name != NODE}
    whole.provenance["environment"] = told | {"device": devices(environments)}
    whole.head.tier = tier([part.head.tier for part in parts], {e["device"] for e in environments.values()})
    whole.write(cell.folder(root))
    write_bytes(cell.folder(root) / ENVIRONMENTS, to_json(environments))
    mixed = len({environment["device"] for environment in environments.values()}) > 1
    return f"ran on {devices(environments)}: equal bits on the same devices alone" if mixed else None


def devices(environments: dict[str, dict[str, Any]]) -> str:
    """Return the device that all blocks ran on, or each device with its blocks: 'A (blocks 0, 2); B (block 1)'."""
    found: dict[str, list[str]] = {}
    for block, environment in environments.items():
        found.setdefault(environment["device"], []).append(block)
    if len(found) == 1:
        return next(iter(found))
    told = (f"{name} (block{'s' * (len(blocks) > 1)} {', '.join(blocks)})" for name, blocks in found.items())
    return "; ".join(told)


def tier(tiers: Sequence[Tier], kinds: set[str]) -> Tier:
    """Return the weakest tier of the parts; with several kinds of device at most the same-device tier."""
    order = get_args(Tier)
    least: Tier = "bit-exact" if len(kinds) == 1 else "same-device exact"
    return max([*tiers, least], key=order.index)
