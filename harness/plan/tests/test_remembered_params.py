"""Parameters that are remembered are those that the file has, of the same types."""

import pytest

from harness.errors import BenchError
from harness.plan import params
from harness.plan.params import read_blocks
from harness.run.params import read_yaml

WHOLE = "a: {b: [1, 2.5, 1e-3, true, null, 'yes'], c: {}}\n"


@pytest.fixture(autouse=True)
def fresh(tmp_path):
    params._parsed.cache_clear()
    (tmp_path / ".scratch").mkdir()


def reads(monkeypatch):
    calls = []
    monkeypatch.setattr(params, "read_yaml", lambda path: calls.append(path) or read_yaml(path))
    return calls


@pytest.mark.parametrize("text, kept", [(WHOLE, True), ("a: {1: one, 2.5: two}\n", False)])
def test_the_same_as_the_file(tmp_path, monkeypatch, text, kept):
    file, calls = tmp_path / "params.yaml", reads(monkeypatch)
    file.write_text(text)
    wanted = read_yaml(file)
    first = read_blocks(tmp_path, file)
    calls.clear()
    params._parsed.cache_clear()  # as in the next process
    again = read_blocks(tmp_path, file)
    assert repr(first) == repr(again) == repr(wanted), "repr tells 1 from 1.0 and from '1'"
    assert bool(calls) != kept


def test_what_a_caller_changes_is_not_remembered(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(WHOLE)
    read_blocks(tmp_path, file)["a"]["b"].append("mine")
    assert read_blocks(tmp_path, file) == read_yaml(file)


def test_a_changed_file_is_read(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(WHOLE)
    read_blocks(tmp_path, file)
    file.write_text("a: 2\n")
    assert read_blocks(tmp_path, file) == {"a": 2}


def test_faults_are_told_as_without_it(tmp_path):
    file = tmp_path / "params.yaml"
    for text, words in ((None, "is missing"), ("- 1\n", "must be a mapping"), ("a: [\n", "params.yaml")):
        if text is not None:
            file.write_text(text)
        for _ in range(2):
            with pytest.raises(BenchError, match=words):
                read_blocks(tmp_path, file)


def test_nothing_is_written_where_nothing_was(tmp_path):
    (tmp_path / ".scratch").rmdir()
    file = tmp_path / "params.yaml"
    file.write_text(WHOLE)
    read_blocks(tmp_path, file)
    assert list(tmp_path.iterdir()) == [file]
