"""The record's files: stable text, holes left empty, record.json last, and nothing that its readers would refuse."""

import json

import pytest

from harness import seal
from harness.errors import BenchError
from harness.run import record
from harness.run.record import Record
from harness.schema import SCHEMA, read_head, read_provenance
from harness.tests.recorded import ENVIRONMENT, head


def example():
    return Record(
        head("t", "m"),
        scores=[("t", "m", 0, 10, "error", 1 / 3), ("t", "m", 1, 10, "error", float("nan"))],
        curves=[{"seed": 0, "step": 5, "loss": 0.123456789}, {"seed": 1, "step": 5, "kl": 2.0}],
        panels=[(0, "D(x)", -1.0, 0.5)],
        provenance={"environment": ENVIRONMENT, "training_seconds": {"0": 1.5}, "scoring_seconds": 0.5},
    )


def test_files(tmp_path):
    example().write(tmp_path)
    assert (tmp_path / "scores.csv").read_text() == (
        "task,method,seed,step,metric,value\nt,m,0,10,error,0.33333333\nt,m,1,10,error,\n"
    )
    assert (tmp_path / "curves.csv").read_text() == "seed,step,loss,kl\n0,5,0.12346,\n1,5,,2\n"
    assert (tmp_path / "panels.csv").read_text() == "seed,panel,x,y\n0,D(x),-1,0.5\n"
    assert json.loads((tmp_path / "record.json").read_text())["schema"] == SCHEMA
    assert not (tmp_path / "sheet.png").exists()


def test_curves_have_a_header_where_no_step_was_logged(tmp_path):
    none = example()
    none.curves = []
    none.write(tmp_path)
    assert (tmp_path / "curves.csv").read_text() == "seed,step\n"


def test_what_is_written_is_read_again(tmp_path):
    folder = tmp_path / "t/m"
    example().write(folder)
    assert read_head(folder) == head("t", "m")
    assert read_provenance(folder).model_dump(mode="json", exclude_unset=True) == example().provenance


def test_what_no_reader_would_take_is_not_written(tmp_path):
    wrong, unknown = example(), example()
    wrong.head.status[0] = 1
    with pytest.raises(BenchError, match=r"^t/m: record.json has an invalid status.0: must be a valid string, got 1$"):
        wrong.write(tmp_path)
    unknown.provenance["secnods"] = 1
    with pytest.raises(BenchError, match="^t/m: provenance.json has an unknown key secnods$"):
        unknown.write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        example().write(tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_record_stands_only_beside_whole_files(tmp_path, monkeypatch):
    """Killed before any of its files, a record that is written again is gone, or whole at the end."""
    folder, write_bytes = tmp_path / "t/m", seal.write_bytes
    example().write(folder)
    names = sorted(path.name for path in folder.iterdir())
    for place in range(len(names)):
        written = []

        def stop(path, content, place=place, written=written):
            if len(written) == place:
                raise KeyboardInterrupt
            written.append(path.name)
            write_bytes(path, content)

        monkeypatch.setattr(seal, "write_bytes", stop)
        with pytest.raises(KeyboardInterrupt):
            example().write(folder)
        assert not (folder / "record.json").exists()
    monkeypatch.undo()
    example().write(folder)
    assert read_head(folder) == head("t", "m") and sorted(path.name for path in folder.iterdir()) == names


def test_a_number_that_json_does_not_know_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        record.to_json({"value": float("nan")})
