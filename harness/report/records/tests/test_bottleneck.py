"""The state of the constraint by hand-made logs."""

import json

import pandas as pd
import pytest

from harness.report.records.bottleneck import constraint, i_c
from harness.report.records.frame import load

TASK, CELL = "vib_digits", "vib"


def settled(small, kl, beta, budget=0.1):
    """The constraint of a cell whose logs end at these values per seed."""
    root, params = small
    params["ablations"] = {}
    folder = root / "results/records" / TASK / CELL
    record = json.loads((folder / "record.json").read_text())
    record["params"]["method"] = {"critic": {"bottleneck": {"i_c": budget}}}
    (folder / "record.json").write_text(json.dumps(record))
    rows = [
        {"seed": seed, "step": step, "kl": 9.0 if step < 75 else k, "beta": 9.0 if step < 75 else b}
        for seed, (k, b) in enumerate(zip(kl, beta, strict=True))
        for step in (1, 50, 75, 100)
    ]
    pd.DataFrame(rows).to_csv(folder / "curves.csv", index=False)
    return constraint(load(root, params)[TASK].cell(CELL))


@pytest.mark.parametrize(
    ("kl", "beta", "state"),
    [
        (0.1, 0.3, "binding"),
        (0.109, 0.3, "binding"),
        (0.086, 0.3, "binding"),
        (0.084, 1e-4, "slack"),
        (0.084, 0.3, "below I_c, beta still on"),
        (0.111, 0.3, "above I_c"),
    ],
)
def test_states(small, kl, beta, state):
    got = settled(small, [kl] * 3, [beta] * 3)
    assert got.state == state
    assert (got.kl, got.kl_low, got.beta) == (pytest.approx(kl), pytest.approx(kl), pytest.approx(beta))


def test_seeds_that_differ_are_counted(small):
    got = settled(small, [0.1, 0.1, 0.01], [0.3, 0.3, 0.0])
    assert got.states == {"binding": 2, "slack": 1}
    assert (got.kl_low, got.kl_high) == (0.01, 0.1)


def test_without_a_budget_there_is_no_state(small):
    assert settled(small, [0.1], [0.3], budget=None).state == ""


def test_a_cell_without_logs_has_no_constraint(small):
    root, params = small
    frame = load(root, params)[TASK]
    assert constraint(frame.cell("deterministic")) is None
    assert i_c(frame.cell("deterministic")) is None
