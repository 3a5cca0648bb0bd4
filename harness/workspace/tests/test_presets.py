"""An overlay is checked key by key, and runs in a copy that leaves the tree as it is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from harness import registry
from harness.cli import main
from harness.errors import BenchError
from harness.plan import needs
from harness.plan.plan import load_plan
from harness.run.like import without_title
from harness.run.params import read_yaml
from harness.workspace import copies, presets
from harness.yaml_text import dump

ROOT = Path(__file__).resolve().parents[3]

PARAMS = {
    "preset": "laptop",
    "protocol": 1,
    "tasks": {"line": {"family": "gaussians", "steps": 3, "seeds": [0]}},
    "methods": {
        "line": {"a": {"algorithm": "critic"}, "b": {"algorithm": "critic", "lr": {"first": 1e-5, "last": 0.1}}}
    },
    "report": {"baseline": {"line": "a"}, "floors": {"line": ["b"]}},
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "params.yaml": dump(PARAMS),
        "presets/small.yaml": "tasks: {line: {steps: 1}}\n",
        "code.py": "x = 1\n",
        ".gitignore": "build/\n*.log\n",
        "run.log": "",
        "dvc.lock": "",
        "dvc.yaml": "",
        ".dvc/config": "",
        "pipelines/line/dvc.yaml": "",
        "pipelines/line/dvc.lock": "",
        "reports/laptop/index.md": "",
        "results/published.csv": "p",
        "results/data/net.npz": "w",
        "results/data/line.json": "{}",
        "results/records/line/a/record.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    return tmp_path


def overlay(tree: Path, text: str) -> dict:
    (tree / "presets/small.yaml").write_text(text)
    return presets.compose_preset(tree, "small")


def test_an_overlay_changes_what_it_names_and_null_takes_away(tree: Path) -> None:
    made = overlay(tree, "tasks: {line: {seeds: [3, 4]}}\nmethods: {line: {a: null, b: {lr: {last: 2}}}}")
    assert made["preset"] == "small"
    assert made["tasks"]["line"] == {"family": "gaussians", "steps": 3, "seeds": [3, 4]}
    assert made["methods"]["line"] == {"b": {"algorithm": "critic", "lr": {"first": 1e-5, "last": 2}}}


def test_keep_takes_all_other_tasks_away(tree: Path) -> None:
    made = overlay(tree, "keep: []\ntasks: {other: {family: gaussians}}\nmethods: {other: {c: {algorithm: critic}}}")
    assert (
        made["tasks"] == {"other": {"family": "gaussians"}} and set(made["methods"]) == {"other"} and "keep" not in made
    )
    assert overlay(tree, "keep: [line]")["tasks"] == PARAMS["tasks"]
    with pytest.raises(BenchError, match="presets/small.yaml: keep.lime.*line"):
        overlay(tree, "keep: [lime]")


def test_a_task_that_goes_takes_its_methods_along(tree: Path) -> None:
    made = overlay(tree, "tasks: {line: null, other: {family: gaussians}}\nmethods: {other: {c: {algorithm: critic}}}")
    assert made["tasks"] == {"other": {"family": "gaussians"}}
    assert made["methods"] == {"other": {"c": {"algorithm": "critic"}}}
    assert made["report"] == {"baseline": {}, "floors": {}}


@pytest.mark.parametrize(
    "text, line",
    [
        ("taks: {line: {steps: 1}}", "presets/small.yaml.taks: unknown key; did you mean tasks?"),
        ("tasks: {lime: {steps: 1}}", "presets/small.yaml: tasks.lime: unknown key; did you mean line?"),
    ],
)
def test_a_misspelt_key_of_an_overlay_is_named(tree: Path, text: str, line: str) -> None:
    with pytest.raises(BenchError) as error:
        overlay(tree, text)
    assert str(error.value) == line


def test_an_unknown_preset_is_named_with_the_nearest(tree: Path) -> None:
    with pytest.raises(BenchError, match="preset smal: unknown; did you mean small?"):
        presets.compose_preset(tree, "smal")


def test_the_copy_has_new_files_and_no_results(tree: Path) -> None:
    (tree / "new.py").write_text("")
    copy = copies.private_copy(tree, "small", presets.compose_preset(tree, "small"))
    found = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert found == {
        "code.py",
        "new.py",
        ".gitignore",
        "dvc.yaml",
        ".dvc/config",
        ".dvc/config.local",
        "params.yaml",
        copies.COPIED,
        copies.REMEMBERED,
        ".scratch/index/pipelines.json",
        copies.BASE,
        "presets/small.yaml",
        "pipelines/line/dvc.yaml",
        "results/published.csv",
        "results/data/net.npz",
    }
    assert read_yaml(copy / "params.yaml") == presets.compose_preset(tree, "small")


def test_a_second_copy_follows_the_tree_and_keeps_what_was_made_in_it(tree: Path) -> None:
    made = copies.private_copy(tree, "small", PARAMS) / "results/records/line/a/record.json"
    made.parent.mkdir(parents=True)
    made.write_text("made here")
    (tree / "code.py").write_text("x = 2\n")
    (tree / "results/published.csv").unlink()
    copy = copies.private_copy(tree, "small", PARAMS)
    assert (copy / "code.py").read_text() == "x = 2\n"
    assert not (copy / "results/published.csv").exists()
    assert made.read_text() == "made here"


def test_data_is_linked_not_copied(tree: Path) -> None:
    (tree / "data").mkdir()
    (tree / "data/images.zip").write_text("large")
    copy = copies.private_copy(tree, "small", PARAMS)
    assert (copy / "data").is_symlink()
    assert (copy / "data/images.zip").read_text() == "large"
    copies.private_copy(tree, "small", PARAMS)  # again, over the link


def test_making_a_copy_leaves_the_tree_as_it_is(tree: Path) -> None:
    def content() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in tree.rglob("*") if p.is_file() and not {".git", "build"} & set(p.parts)}

    before = content()
    copies.private_copy(tree, "small", PARAMS)
    assert content() == before
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tree, capture_output=True, text=True, check=True)
    assert "build" not in status.stdout


def test_a_command_in_the_copy_runs_the_copy_s_code(tree: Path, capfd: pytest.CaptureFixture) -> None:
    copy = copies.private_copy(tree, "small", PARAMS)
    (copy / "harness").mkdir()
    (copy / "harness/__init__.py").write_text("")
    (copy / "harness/__main__.py").write_text("import os, sys; print(os.getcwd(), sys.argv[1:]); sys.exit(3)")
    with pytest.raises(BenchError, match="`bench check --all` in .* ended with status 3"):
        copies.bench_in(copy, "check", "--all")
    assert capfd.readouterr().out.strip() == f"{copy} ['check', '--all']"


@pytest.mark.parametrize("name", presets.names(ROOT))
def test_the_presets_of_this_project_are_valid(name: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(dump(presets.compose_preset(ROOT, name)))
    assert load_plan(tmp_path).cells


@pytest.mark.parametrize("name", presets.names(ROOT))
def test_every_task_of_a_preset_has_a_title_for_the_reader(name: str) -> None:
    tasks = presets.compose_preset(ROOT, name)["tasks"]
    assert [task for task, block in tasks.items() if not block.get("title")] == []


def test_archived_experts_hold_the_episodes_that_presets_ask_for() -> None:
    asked = 0
    for name in presets.names(ROOT):
        for task, block in presets.compose_preset(ROOT, name)["tasks"].items():
            expert = block.get("demonstrations")
            if needs.is_archived(expert) and "episodes" in block:  # a maze shows all that its expert left
                family = registry.family(block["family"])
                shown = family.build(
                    task,
                    family.Params(**without_title(block) | {"demonstrations": str(needs.path(ROOT, expert))}),
                    ROOT,
                )
                held = shown.expert_episodes.rewards.shape[1]
                assert held == block.get("episodes", held) > 0  # mazes take all
                asked += 1
    assert asked >= 3


def test_presets_without_records_are_told_with_their_command(tree: Path) -> None:
    overlay(tree, "# After Peng et al. 2019,\n# long. Slow.\ngpu: true\ntasks: {line: {steps: 1}}\n")
    (tree / "presets/other.yaml").write_text("# Its tables need a GPU.\ntasks: {line: {steps: 2}}\n")
    other, small = presets.other_presets(tree, "laptop").waiting
    assert small == {
        "preset": "small",
        "what": "After Peng et al. 2019, long.",
        "rows": "line: a, b",
        "command": "bench gpu --preset small",
    }
    assert other["command"] == "bench preset other --jobs 2"
    archive(tree, "small")
    found = presets.other_presets(tree, "laptop")
    assert [p["preset"] for p in found.waiting] == ["other"] and [p["preset"] for p in found.archived] == ["small"]
    assert presets.other_presets(tree, "other").waiting == []


def archive(tree: Path, preset: str) -> None:
    path = tree / f"results/archive/{preset}/line/a/record.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")


def test_a_preset_that_does_not_fit_is_named_and_leaves_the_others_alone(tree: Path) -> None:
    for name, text in {"broken": "tasks: [", "lime": "keep: [lime]\n", "none": "keep: 3\n"}.items():
        (tree / f"presets/{name}.yaml").write_text(text)
    archive(tree, "small")
    archive(tree, "smal")
    archive(tree, "lime")
    found = presets.other_presets(tree, "laptop")
    assert [p["preset"] for p in found.archived] == ["small"] and found.waiting == []
    assert found.refused.keys() == {"broken", "lime", "none", "smal"}
    assert "presets/broken.yaml is not valid YAML" in found.refused["broken"]
    assert found.refused["lime"] == "presets/lime.yaml: keep.lime: unknown key; did you mean line?"
    assert found.refused["none"].startswith("presets/none.yaml: keep = 3: must be a list of tasks")
    assert found.refused["smal"] == "preset smal: unknown; did you mean small?"
    assert not any("\n" in why for why in found.refused.values())


def test_in_a_copy_presets_lie_over_the_base_of_the_tree(tree: Path) -> None:
    (tree / "presets/other.yaml").write_text("keep: [line]\n")
    made = overlay(tree, "keep: []\ntasks: {new: {family: gaussians}}\nmethods: {new: {c: {algorithm: critic}}}\n")
    copy = copies.private_copy(tree, "small", made)
    assert read_yaml(copy / "params.yaml") == made
    assert presets.compose_preset(copy, "other") == presets.compose_preset(tree, "other")
    assert presets.compose_preset(copy, "small") == made
    assert presets.other_presets(copy, "small") == presets.OtherPresets(
        [], presets.other_presets(tree, "small").waiting, {}
    )
    with pytest.raises(BenchError, match="is a private copy, which cannot be copied again"):
        copies.private_copy(copy, "other", made)
    (tree / "params.yaml").write_text(dump(PARAMS | {"protocol": 2}))
    copies.private_copy(tree, "small", made)
    assert presets.compose_preset(copy, "other")["protocol"] == 2


def test_smoke_has_every_method_of_every_task() -> None:
    whole, small = read_yaml(ROOT / "params.yaml"), presets.compose_preset(ROOT, "smoke")
    missing = {
        (task, name) for task, own in whole["methods"].items() for name in own if name not in small["methods"][task]
    }
    assert not missing
    families = {block["family"] for block in small["tasks"].values()}
    assert families == set(registry.families()) - {"few_images"}  # which takes images that are not here
    assert all(task["steps"] <= 50 and len(task["seeds"]) == 2 for task in small["tasks"].values())


def test_what_is_wrong_with_a_preset_is_told_at_once_and_names_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "params.yaml").write_bytes((registry.ROOT / "params.yaml").read_bytes())
    (tmp_path / "presets/wrong.yaml").write_text(
        """\
tasks: {digits8: {steps: 0}}
methods:
  digits8:
    gan: {latnt: 4, bathc: 2}
    sn: {critic_steps: 0}
  grid_maze:
    bc: {optimizer: {lr: -1.0}}
report: {baseline: {digits8: gna}, floors: {march: [control_plus, random_polcy]}}
""",
        encoding="utf-8",
    )
    assert main(["--root", str(tmp_path), "check", "--preset", "wrong"]) == 2
    told = capsys.readouterr().err.removeprefix("error: ").splitlines()
    assert [line.partition(": ")[0] for line in told] == ["presets/wrong.yaml"] * len(told)
    assert [line.partition(": ")[2] for line in told] == [
        "tasks.digits8.steps = 0: must be greater than or equal to 1",
        "methods.digits8.gan.latnt: unknown key; did you mean latent?",
        "methods.digits8.gan.bathc: unknown key; did you mean batch?",
        "methods.grid_maze.bc.optimizer.lr = -1.0: must be greater than 0",
        "report.baseline.digits8 = gna: unknown key; did you mean gan?",
        "report.floors.march = random_polcy: unknown key; did you mean random_policy?",
    ]
    with pytest.raises(BenchError, match="^presets/wrong.yaml: "):
        presets.run_preset(tmp_path, "wrong", [], jobs=1)
    assert not (tmp_path / "build").exists()


def test_a_preset_that_fits_is_told_by_its_size(capsys: pytest.CaptureFixture) -> None:
    assert main(["--root", str(registry.ROOT), "check", "--preset", "fashion"]) == 0
    assert capsys.readouterr().out == "OK: 1 tasks, 3 cells, 15 runs\n"  # three methods of five seeds each


@pytest.mark.parametrize(
    "text, line",
    [
        ("keep: line\n", "keep = line: must be a list of tasks, such as [digits8]"),
        ("keep: [[line]]\n", "keep has ['line']: must be a list of tasks, such as [digits8]"),
        ("ablations: true\n", "ablations = True: must be a block of keys"),
        ("report:\n", "report is empty: omit the key"),
        ("keep: {line: [a]}\n", "keep = {'line': ['a']}: must be a list of tasks"),
        ("tasks: [line]\n", "tasks = ['line']: must be a block of keys, indented below its name"),
        ("tasks: {line: 3}\n", "tasks.line = 3: must be a block of keys"),
        ("methods: {line: [a]}\n", "methods.line = ['a']: must be a block of keys"),
        ("report: 3\n", "report = 3: must be a block of keys"),
        ("report: {baseline: a}\n", "report.baseline = a: must be a block of keys"),
    ],
)
def test_an_overlay_has_lists_and_blocks_where_they_belong(tree: Path, text: str, line: str) -> None:
    (tree / "presets/odd.yaml").write_text(text)
    with pytest.raises(BenchError, match=re.escape(f"presets/odd.yaml: {line}")):
        presets.compose_preset(tree, "odd")
