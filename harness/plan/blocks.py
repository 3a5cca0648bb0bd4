"""The block of parameters of every cell: that of a method, or with some keys set by an ablation."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from harness.errors import BenchError
from harness.plan.controls import with_controls
from harness.run.like import without_title
from harness.store import cell_name

Block = dict[str, Any]


class CellBlock(NamedTuple):
    """The parameters of one cell.

    method: the method's parameters, without the title.
    ablation: what an ablation sets, for an ablated cell.
    """

    task: str
    cell: str
    method: Block
    seeds: list[int]
    ablation: Block | None = None


def cell_blocks(params: dict[str, Any]) -> Iterator[CellBlock]:
    """Yield every cell that the parameters name, including control rows and ablated cells.

    params: the whole of params.yaml, with its names checked and every `like` resolved.
    """
    tasks, methods = params["tasks"], with_controls(params)["methods"]
    for task, blocks in methods.items():
        for name, block in blocks.items():
            yield CellBlock(task, name, without_title(block), tasks[task].get("seeds"))
    for task, ablations in (params.get("ablations") or {}).items():
        for name, ablation in (ablations or {}).items():
            of = ablation["method"]
            for i, value in enumerate(ablation["values"]):
                block = ablated_block(methods[task][of], ablation, i, f"ablations.{task}.{name}")
                what = {"key": ablation["key"], "value": value}
                yield CellBlock(task, cell_name(of, name, value), block, ablation.get("seeds"), what)


def ablated_block(block: Block, ablation: Mapping[str, Any], i: int, where: str) -> Block:
    """Return a copy of a method's block, without its title, with what the ablation sets for the `i`-th of its values.

    Raises BenchError if the block does not have such a key.
    """
    made = copy.deepcopy(without_title(block))
    along = {key: values[i] for key, values in (ablation.get("along") or {}).items()}
    for key, value in {**(ablation.get("set") or {}), **along, ablation["key"]: ablation["values"][i]}.items():
        _set(made, key, value, where)
    return made


def _set(block: Block, key: str, value: Any, where: str) -> None:
    *path, last = key.split(".")
    for part in path:
        if not isinstance(block.get(part), dict):
            raise BenchError(f"{where}.key = {key}: the method's block does not have {part}")
        block = block[part]
    if value is None:
        block.pop(last, None)
    else:
        block[last] = value
