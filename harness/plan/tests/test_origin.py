"""The commit in provenance is that of the code that runs, and without git the reason stands in its place."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch

from harness.places import train
from harness.plan.origin import files, origin
from harness.registry import ROOT
from harness.workspace import copies

NAMES = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
PARAMS = {"preset": "small", "tasks": {}, "methods": {}}


def git(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *NAMES, *words], cwd=root, capture_output=True, encoding="utf-8", check=True
    ).stdout.strip()


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository around, and none of the user's own settings of git."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def repository(root: Path) -> Path:
    for name in ("harness/a.py", "results/b.csv", ".dvc/config", "params.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("1\n", encoding="utf-8")
    (root / ".gitignore").write_text("/build/\n", encoding="utf-8")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def test_the_commit_is_the_project_s_wherever_the_caller_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, other = repository(tmp_path / "ours"), repository(tmp_path / "other")
    git(other, "commit", "--quiet", "--allow-empty", "-m", "second")
    monkeypatch.chdir(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))  # as in a hook of the other repository
    assert origin(ours)["commit"] == (ours / ".git/refs/heads" / _branch(ours)).read_text(encoding="utf-8").strip()
    monkeypatch.setattr(train, "_origin", train._origin.__wrapped__)
    assert train.environment(torch.device("cpu"))["commit"] == origin(ROOT)["commit"] != origin(other)["commit"]


def _branch(root: Path) -> str:
    return (root / ".git/HEAD").read_text(encoding="utf-8").strip().removeprefix("ref: refs/heads/")


def test_dirty_is_a_tree_whose_code_differs_not_one_with_new_results(tmp_path: Path) -> None:
    root = repository(tmp_path / "ours")
    (root / "results/b.csv").write_text("2\n", encoding="utf-8")
    assert origin(root)["dirty"] is False
    (root / "harness/new.py").write_text("", encoding="utf-8")
    assert origin(root)["dirty"] is True


def without_git(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(root / "nothing"))
    return root


def other_owner(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    return root


def no_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (root / ".git").rename(root.parent / "moved")
    return root


def no_commit(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(root, "update-ref", "-d", "HEAD")
    return root


def ignored_by_the_repository_around(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("harness/a.py", ".dvc/config", "params.yaml"):
        (root / "build/own" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "build/own" / name).write_text("", encoding="utf-8")
    return root / "build/own"


UNTOLD = [
    (without_git, "git cannot be run"),
    (other_owner, "safe.directory"),
    (no_repository, "not a git repository"),
    (no_commit, "does not have any commits yet"),
    (ignored_by_the_repository_around, "git does not track any file in ."),
]


@pytest.mark.parametrize("change, reason", UNTOLD)
def test_where_git_cannot_tell_the_reason_stands_in_one_line(tmp_path: Path, monkeypatch, change, reason: str) -> None:
    found = origin(change(repository(tmp_path / "ours"), monkeypatch))
    assert found.keys() == {"commit", "why"} and found["commit"] is None
    assert reason in found["why"] and "\n" not in found["why"] and str(tmp_path / "ours") not in found["why"]


@pytest.mark.parametrize("change", [without_git, other_owner, no_repository, ignored_by_the_repository_around])
def test_where_git_cannot_list_a_copy_is_made_all_the_same_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, change
) -> None:
    root = change(repository(tmp_path / "ours"), monkeypatch)
    copy = copies.private_copy(root, "small", PARAMS)
    assert (copy / "harness/a.py").is_file() and origin(copy)["commit"] is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: git cannot list the files")


def test_a_copy_keeps_the_commit_that_it_was_made_from(tmp_path: Path) -> None:
    root = repository(tmp_path / "ours")
    first = origin(root)
    copy = copies.private_copy(root, "small", PARAMS)
    git(root, "commit", "--quiet", "--allow-empty", "-m", "second")
    assert origin(copy) == first != origin(root)
    copies.private_copy(root, "small", PARAMS)
    assert origin(copy) == origin(root)


def test_walking_leaves_out_what_the_project_s_gitignore_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    root = repository(tmp_path / "ours")
    for name in (".gitignore", ".dvc/.gitignore"):
        text = (ROOT / name).read_text(encoding="utf-8")
        (root / name).write_text(text, encoding="utf-8")
        for line in text.split():
            made = (root / name).parent / line.strip("/").replace("*", "x")
            made = made / "file" if line.endswith("/") or not made.suffix else made
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text("", encoding="utf-8")
    (root / "harness/deep/__pycache__").mkdir(parents=True)
    (root / "harness/deep/__pycache__/c.pyc").write_text("", encoding="utf-8")
    listed = files(root)
    assert Path("harness/a.py") in listed and capsys.readouterr().err == ""
    assert files(no_repository(root, monkeypatch)) == listed
