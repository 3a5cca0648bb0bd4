"""One made-up results tree, rendered once for all tests of the report."""

from __future__ import annotations

import pytest

from harness.report.tests import tree
from harness.report.tests.pages import render


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """(root, params) with records, summaries and both pages on disk; read only."""
    root = tmp_path_factory.mktemp("project")
    params = tree.build(root)
    render(root, params, root / "reports/laptop")
    return root, params


@pytest.fixture
def small(tmp_path):
    """(root, params) of two methods and one ablation, to be changed at will."""
    return tmp_path, tree.build_small(tmp_path)
