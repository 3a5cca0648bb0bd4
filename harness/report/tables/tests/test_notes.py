"""The lines below a table."""

from harness.report.tables.notes import _said


def test_entries_of_a_manifest_are_whole_and_short():
    assert _said({"actions at random": -160.2235464476033, "expert": -26.1}) == (
        "actions at random -160.2 and expert -26.1"
    )
    assert _said("7bd75508ab12cd34") == "7bd75508" and _said(100) == "100" and _said("digits-cnn") == "digits-cnn"
