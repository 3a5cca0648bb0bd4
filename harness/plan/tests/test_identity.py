"""The names of runs, and the manifest of the data that they depend on."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.plan.identity import data_manifest, seeds_name


@pytest.mark.parametrize("content", ["[1]", "{}", '{"data_hash": 1}', "3", "[" * 100_000, "{"])
def test_a_manifest_that_names_no_data_is_told_with_its_cure(tmp_path: Path, content: str) -> None:
    (tmp_path / "results/data").mkdir(parents=True)
    (tmp_path / "results/data/pair.json").write_text(content)
    with pytest.raises(BenchError, match=r"^\S+pair.json (has no data_|is not valid J).*: run `bench prepare pair`"):
        data_manifest(tmp_path, "pair")


def test_a_block_of_any_number_of_seeds_has_a_folder() -> None:
    assert seeds_name([0, 1]) == "seeds-0-1"
    many, others = range(1024), [*range(1022), 1024, 1023]
    assert len(seeds_name(many)) < 255 and seeds_name(many) == seeds_name(list(many)) != seeds_name(others)
    assert seeds_name(many).startswith("seeds-0-to-1023-")
