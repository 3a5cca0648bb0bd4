"""A plan that trains in a second: the two Gaussians with two critics, two blocks of two seeds."""

from __future__ import annotations

from pathlib import Path

from harness.plan.plan import Plan, load_plan
from harness.yaml_text import dump

CRITIC = {
    "algorithm": "critic",
    "loss": "non_saturating",
    "net": {"kind": "mlp", "width": 4, "depth": 1},
    "batch": 8,
    "critic_optimizer": {"name": "adam", "lr": 1e-3},
}
PARAMS = {
    "preset": "laptop",
    "protocol": 1,
    "tasks": {
        "pair": {
            "family": "gaussians",
            "seeds": [0, 1, 2, 3],
            "block": 2,
            "steps": 4,
            "evaluations": 2,
            "log_points": 2,
        }
    },
    "methods": {"pair": {"plain": CRITIC, "wide": CRITIC | {"batch": 16}}},
    "report": {"baseline": {"pair": "plain"}},
}


def write(root: Path) -> Plan:
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(dump(PARAMS))
    return load_plan(root)
