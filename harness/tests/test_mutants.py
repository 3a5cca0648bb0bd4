"""Code that moves takes its injected faults with it: before any is run, each has its place and its test in the tree."""

from __future__ import annotations

import re

from harness.tests.mutants import MUTANTS, ROOT, node


def test_each_fault_has_one_place_and_a_test() -> None:
    lost = []
    for mutant in MUTANTS:
        file, _, name = node(mutant).partition("::")
        test, line = ROOT / file, rf"^def {re.escape(name.partition('[')[0])}\("
        named = test.is_file() and re.search(line, test.read_text(), re.MULTILINE)
        if (ROOT / mutant.file).read_text().count(mutant.old) != 1 or not named:
            lost.append(mutant.fault)
    assert len(MUTANTS) > 100 and lost == []
