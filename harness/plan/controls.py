"""Rows of control that a task adds by itself: what its methods would get without seeing an expert or a state.

Where an episode's length tells of the policy, the sign of a reward alone may solve the task (Kostrikov et al. 2019).
"""

from __future__ import annotations

from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.run.like import without_title
from harness.store import check_names

Block = dict[str, Any]


def controls(params: dict[str, Any], task: str) -> tuple[str, dict[str, Block]] | None:
    """The method they are made from, and the rows by name; of the task's first method whose algorithm has any.

    None for a task without imitation, which shows neither demonstrations nor a clip, or whose episodes have one length:
    `termination: restart` is what says otherwise.
    params: the whole of params.yaml.
    """
    block = params["tasks"].get(task) or {}
    if not (block.get("demonstrations") or block.get("clip")) or block.get("termination") != "restart":
        return None
    for name, method in params["methods"].get(task, {}).items():
        if method.get("algorithm") in registry.algorithms():
            made: dict[str, Any] = getattr(registry.algorithm(method["algorithm"]), "controls", lambda block: {})(
                without_title(method)
            )
            if made:
                return name, made
    return None


def with_controls(params: dict[str, Any], where: str = "params.yaml") -> dict[str, Any]:
    """The same parameters with every row of control among the methods.

    Raises BenchError for a name that is taken or cannot be one.
    """
    methods = dict(params["methods"])
    for task, blocks in params["methods"].items():
        if found := controls(params, task):
            for name in found[1].keys() & blocks.keys():
                raise BenchError(
                    f"{where}: methods.{task}.{name}: the task adds a control row of that name; rename yours"
                )
            methods[task] = blocks | found[1]
    made = params | {"methods": methods}
    check_names(made, where)
    return made
