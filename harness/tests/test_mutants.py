"""Code that moves takes its injected faults with it: each has its place and its test in the tree, before they are run."""

from __future__ import annotations

import re

from harness.tests.mutants import MUTANTS, ROOT, node


def test_each_fault_has_one_place_and_a_test() -> None:
    lost = []
    for mutant in MUTANTS:
        file, _, name = node(mutant).partition("::")
        test = ROOT / file
        named = test.is_file() and re.search(
            rf"^def {re.escape(name.partition('[')[0])}\(", test.read_text(), re.MULTILINE
        )
        if (ROOT / mutant.file).read_text().count(mutant.old) != 1 or not named:
            lost.append(mutant.fault)
    assert len(MUTANTS) > 100 and lost == []
