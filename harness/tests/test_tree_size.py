"""The tracked tree stays small: whoever clones it waits for all of it, and every archive makes it larger."""

from __future__ import annotations

import subprocess

import pytest

from harness.registry import ROOT

MOST = 45_000_000  # bytes
CURE = "pack tables (harness/packed.py), round arrays to what is shown, or leave out what `make report` makes"


def test_the_tracked_tree_is_small() -> None:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("git does not know this tree")
    paths = [ROOT / name.decode() for name in done.stdout.split(b"\0") if name]
    sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    assert len(sizes) > 1000, "the tree is all here"
    largest = sorted(sizes, key=lambda path: -sizes[path])[:5]
    assert sum(sizes.values()) <= MOST, f"{CURE}; the largest: {', '.join(map(str, largest))}"
