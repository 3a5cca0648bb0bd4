"""Tasks are prepared by the command that first trains on them, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.places import prepare as module
from harness.places.prepare import prepare_missing
from harness.plan.identity import DATA
from harness.plan.tests.test_needs import write


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that were prepared, in order; in fact none is."""
    names: list[str] = []
    monkeypatch.setattr(module, "prepare", lambda root, plan, task: names.append(task))
    return names


def test_what_was_prepared_stays_and_the_pool_prepares_what_waits_for_an_expert(
    tmp_path: Path, prepared: list[str]
) -> None:
    plan = write(tmp_path)
    (tmp_path / DATA).mkdir(parents=True)
    (tmp_path / DATA / "flipped.json").write_text("{}")
    prepare_missing(tmp_path, plan, plan.cells)
    assert prepared == ["taught"]


def test_a_cell_that_is_trained_alone_has_its_task_prepared(
    tmp_path: Path, prepared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write(tmp_path)
    monkeypatch.setattr(module.needs, "path", lambda root, source: root)
    prepare_missing(tmp_path, plan, [plan.cell("learnt", "airl")])
    assert prepared == ["learnt"]


def test_a_missing_expert_is_named_with_its_command(tmp_path: Path) -> None:
    plan = write(tmp_path)
    for cells in ([plan.cell("learnt", "airl")], [plan.cell("learnt", "airl"), plan.cell("flipped", "airl")]):
        with pytest.raises(BenchError, match="artefacts.npz is missing: run `bench train taught expert` first"):
            prepare_missing(tmp_path, plan, cells)
