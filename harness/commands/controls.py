"""Rows of control that a task adds by itself: what its methods would get without seeing an expert or a state.

Where an episode's length tells of the policy, the sign of a reward alone may solve the task (Kostrikov et al. 2019).
"""

from __future__ import annotations

from typing import Any

from harness import registry

Block = dict[str, Any]


def controls(params: dict[str, Any], task: str) -> tuple[str, dict[str, Block]] | None:
    """The method they are made from, and the rows by name; of the task's first method whose algorithm has any.

    None for a task without imitation, or of one length of episodes. params: the whole of params.yaml.
    """
    block = params["tasks"].get(task)
    if not (block and block.get("demonstrations")) or not _variable_horizon(block):
        return None
    for name, method in params["methods"].get(task, {}).items():
        if method.get("algorithm") in registry.algorithms():
            made = getattr(registry.algorithm(method["algorithm"]), "controls", lambda block: {})(method)
            if made:
                return name, made
    return None


def _variable_horizon(block: Block) -> bool:
    params = registry.family(block["family"]).Params
    return params.model_validate(block).variable_horizon if hasattr(params, "variable_horizon") else False
