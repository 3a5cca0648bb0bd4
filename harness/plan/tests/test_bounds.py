"""An absurd number is refused before anything is made of it, in one line with what is allowed."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BenchError
from harness.plan.plan import load_plan
from harness.tests import small
from harness.yaml_text import dump


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        ("tasks.pair.threads", 10_000, "= 10000: must be at most 1024, as no machine has more cores"),
        ("tasks.pair.steps", 10**12, "= 1000000000000: must be at most 2147483647"),
        ("methods.pair.plain.batch", 10**12, "must be at most 1048576, as every seed holds a whole batch in memory"),
        ("methods.pair.plain.batch", 1e12, "must be at most 1048576"),
        ("methods.pair.plain.net.width", 10**6, "must be at most 65536"),
        ("methods.pair.plain.critic_optimizer.lr", 1e30, "must be at most 2147483647"),
        ("tasks.pair.seeds", [0, 10**40], "must be at most 2147483647"),
    ],
)
def test_what_is_allowed_is_said(tmp_path: Path, place: str, value: Any, line: str) -> None:
    params: dict[str, Any] = deepcopy(small.PARAMS)
    *path, last = place.split(".")
    block = params
    for part in path:
        block = block[part]
    block[last] = value
    (tmp_path / "params.yaml").write_text(dump(params))
    with pytest.raises(BenchError) as caught:
        load_plan(tmp_path)
    assert str(caught.value).startswith(f"params.yaml: {place} = ") and line in str(caught.value)


def test_the_largest_that_is_allowed_is_allowed(tmp_path: Path) -> None:
    params: dict[str, Any] = deepcopy(small.PARAMS)
    params["tasks"]["pair"]["threads"] = 1024
    (tmp_path / "params.yaml").write_text(dump(params))
    assert load_plan(tmp_path).cells[0].task_params.threads == 1024
