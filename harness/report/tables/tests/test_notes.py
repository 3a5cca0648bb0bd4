"""The lines below a table."""

import numpy as np
import pandas as pd

from harness.report.tables import notes
from harness.report.tables.formats import TEX
from harness.report.tables.summary import FLOOR, MARK


def test_what_has_a_p_is_not_said_to_have_none():
    """One row of ten pairs has a p; the other, of five, has none."""
    rows = pd.DataFrame({"difference": [1.0, 2.0], "pairs": [10, 5], "p_holm": [0.004, np.nan]})
    (said,) = notes.tests(rows)
    assert said.startswith("p: sign-flip test on 10 paired seeds, Holm over 2 comparisons. 1 of them has too few seeds")
    (said,) = notes.tests(rows.assign(p_holm=np.nan))
    assert said.startswith("Significance cannot be reached: with 5 to 10 seeds (Holm over 2 comparisons)")


def test_every_mark_of_a_table_can_be_set_in_latex():
    assert all(ord(mark) in TEX for mark in (MARK + FLOOR).replace(" ", ""))


def test_entries_of_a_manifest_are_whole_and_short():
    assert notes._said({"actions at random": -160.2235464476033, "expert": -26.1}) == (
        "actions at random -160.2 and expert -26.1"
    )
    assert (
        notes._said("7bd75508ab12cd34") == "7bd75508"
        and notes._said(100) == "100"
        and notes._said("digits-cnn") == "digits-cnn"
    )
