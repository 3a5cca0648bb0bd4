"""What a cluster is measured with: the chain of three tasks, and files that must be equal. The runs need Ray."""

import pytest

from harness.benchmarks import cluster, losses
from harness.errors import BenchError
from harness.places.train import ENVIRONMENTS
from harness.plan import needs
from harness.plan.plan import load_plan
from harness.registry import ROOT


def test_the_chain_has_three_tasks_and_22_blocks(tmp_path):
    plan = load_plan(cluster.tree(tmp_path, cluster.chain(ROOT, steps=1)))
    assert sum(len(cell.blocks) for cell in plan.cells) == 22
    assert [len(level) for level in needs.levels(plan.cells)] == [1, cluster.ROWS, cluster.ROWS]


def test_losses_are_measured_on_one_cell_of_two_blocks_that_takes_from_no_other(tmp_path):
    (cell,) = load_plan(cluster.tree(tmp_path, losses.first(cluster.chain(ROOT, losses.STEPS)))).cells
    assert len(cell.blocks) == 2 and cell.task_params.steps == losses.STEPS


def test_a_failing_expert_has_an_imitation_and_leaves_the_other_cell_as_it_is(tmp_path):
    whole = cluster.chain(ROOT, losses.STEPS)
    alone = load_plan(cluster.tree(tmp_path / "alone", losses.first(whole))).cells
    plan = load_plan(cluster.tree(tmp_path / "beside", losses.with_failing(whole)))
    broken, *imitations = [cell for cell in plan.cells if cell.task != alone[0].task]
    assert broken.task == losses.BROKEN and len(imitations) == cluster.ROWS
    assert [len(level) for level in needs.levels(plan.cells)] == [2, cluster.ROWS]
    assert [cell.method_params for cell in plan.cells if cell.task == alone[0].task] == [alone[0].method_params]


def test_files_of_records_are_compared_but_not_where_and_when(tmp_path):
    plan = load_plan(cluster.tree(tmp_path, losses.first(cluster.chain(ROOT, losses.STEPS))))
    folder = plan.cells[0].folder(tmp_path)
    folder.mkdir(parents=True)
    for name in ("scores.csv", "provenance.json", ENVIRONMENTS):
        (folder / name).write_text(name)
    before = cluster.files(tmp_path)
    (folder / "provenance.json").write_text("later")
    cluster.same(cluster.files(tmp_path), before)
    (folder / "scores.csv").write_text("others")
    with pytest.raises(BenchError, match=r"scores.csv of the cluster is not that of this machine"):
        cluster.same(cluster.files(tmp_path), before)
    (folder / "scores.csv").unlink()
    with pytest.raises(BenchError, match=r"scores.csv of the cluster"):
        cluster.same(cluster.files(tmp_path), before)


def test_without_ray_one_line_names_the_extra(tmp_path, monkeypatch, capsys):
    from harness.cli import main

    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    assert main(["--root", str(tmp_path), "speed", "losses"]) == 2
    assert capsys.readouterr().err == "error: it needs Ray: pip install -e '.[cluster]'\n"
