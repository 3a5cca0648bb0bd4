"""Control rows that a task adds by itself: what its methods would achieve without seeing an expert or a state.

If the length of an episode depends on the policy, the sign of a reward alone may solve the task (Kostrikov et al.
2019).
"""

from __future__ import annotations

from typing import Any

from harness import registry
from harness.errors import BenchError
from harness.run.like import without_title
from harness.store import check_names

Block = dict[str, Any]


def controls(params: dict[str, Any], task: str) -> tuple[str, dict[str, Block]] | None:
    """Return the method that the control rows are derived from, and the rows by name.

    It is the task's first method whose algorithm has controls. Returns None for a task without demonstrations, and for
    one whose episodes have a fixed length, that is without `termination: restart`.

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
    """Return the parameters with every control row among the methods.

    Raises BenchError for a name that is taken or invalid.
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
