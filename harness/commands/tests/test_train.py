"""`bench train`: nothing has to be prepared before, and its last lines say how the scores went."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.plan.identity import DATA
from harness.tests import small


@pytest.mark.parametrize("cells", [["plain"], ["plain", "wide"]])
def test_a_task_is_prepared_by_its_first_training(
    tmp_path: Path, capsys: pytest.CaptureFixture, cells: list[str]
) -> None:
    small.write(tmp_path)
    assert main(["--root", str(tmp_path), "train", "pair", *cells]) == 0
    first, *_ = lines = capsys.readouterr().out.splitlines()
    assert first == str(tmp_path / DATA / "pair.json")
    told = lines[-len(cells) :]
    assert [line.split(": ")[0] for line in told] == [f"pair/{cell}" for cell in cells]
    assert all(" at step 2, " in line and line.endswith(" at step 4 (mean of seeds 0-3)") for line in told)
    assert main(["--root", str(tmp_path), "train", "pair", *cells]) == 0
    assert str(tmp_path / DATA / "pair.json") not in capsys.readouterr().out
