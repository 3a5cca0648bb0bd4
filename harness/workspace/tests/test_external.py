"""`bench import` from its command line: a printed skeleton fits, and what does not fit leaves nothing behind."""

import shutil

import pytest

from harness.cli import main
from harness.report.records import external
from harness.report.records.frame import load
from harness.report.tables.external import table
from harness.report.tests import tree
from harness.yaml_text import dump, parse
from harness.yaml_text import load as load_yaml

TASK = "vib_digits"


@pytest.fixture
def bench(tmp_path, capsys):
    """(root, (*arguments) -> exit status, stdout, stderr); two methods have records, live and archived as `far`."""
    params = tree.build_small(tmp_path)
    (tmp_path / "params.yaml").write_text(dump(params))
    far = tmp_path / "results/archive/far"
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/far.yaml").write_text("{}\n")
    for path in (tmp_path / "results/records").glob("*/*/*.*"):
        target = far / path.relative_to(tmp_path / "results/records")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes().replace(b'"laptop"', b'"far"'))

    def run(*arguments):
        capsys.readouterr()
        status = main(["--root", str(tmp_path), "import", *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return tmp_path, run


def files(root, text, values=(10.0, 11.0, 12.5), metric="error_12_codes"):
    """A manifest of this text and scores that it is about, as two files."""
    scores, manifest = root / "scores.csv", root / "manifest.yaml"
    rows = [f"{TASK},peer,{seed},9,{metric},{value}" for seed, value in enumerate(values)]
    scores.write_text("\n".join(["task,method,seed,step,metric,value", *rows]))
    manifest.write_text(text)
    return scores, manifest


@pytest.mark.parametrize("preset", ["", "far"])
def test_the_printed_skeleton_brings_runs_in(bench, preset):
    root, run = bench
    status, text, _ = run("--skeleton", TASK, *(["--preset", preset] if preset else []))
    assert status == 0 and parse(text).get("preset", "") == preset
    scores, manifest = files(root, text)
    assert run(scores, manifest, "--name", "peer")[:2] == (0, f"{root / external.FOLDER / 'peer'}\n")
    (found,), refused = external.load_external(root)
    assert refused == {} and (found.name, found.preset) == ("peer", preset)
    assert found.scores.value.tolist() == [10.0, 11.0, 12.5]
    frame = load(root, load_yaml(root / "params.yaml") | {"preset": preset or "laptop"})[TASK]
    assert table(frame, [found]).rows[0][0].text == "peer (peer)"


def test_each_fault_is_one_line_and_brings_nothing_in(bench):
    root, run = bench
    text = run("--skeleton", TASK)[1]
    scores, manifest = files(root, text)
    other = text.replace(parse(text)["tasks"][TASK]["data_hash"], "0123456789abcdef", 1)
    empty = f"source: us\ntasks: {{{TASK}: null}}\n"
    word = f"source: us\ntasks: {{{TASK}: {{data_hash: '0', metrics: {{accuracy: as usual}}}}}}\n"
    listed = f"preset: [far]\n{text}"
    faults = [
        (text, [scores, manifest], "bench import needs SCORES MANIFEST --name NAME, or --skeleton TASK"),
        (
            text,
            ["--skeleton", "vib_digit"],
            "task vib_digit is unknown; known: vib_digits, of the live records; --preset NAME",
        ),
        (text, ["--skeleton", TASK, "--preset", "fa"], "preset fa: unknown; did you mean far?"),
        (text, [root / "none.csv", manifest, "--name", "peer"], "none.csv is missing"),
        (text, [scores, root, "--name", "peer"], f"{root} is not a regular file, so name another one"),
        (text, ["/dev/zero", manifest, "--name", "peer"], "/dev/zero is not a regular file, so name another one"),
        (
            text,
            [scores, manifest, "--name", "a/b"],
            "--name: an import cannot be called 'a/b': use 1 to 64 ASCII letters",
        ),
        (other, [scores, manifest, "--name", "peer"], "got 0123456789abcdef; scores on other data"),
        (empty, [scores, manifest, "--name", "peer"], f"tasks.{TASK} needs data_hash and metrics"),
        (word, [scores, manifest, "--name", "peer"], f"tasks.{TASK}.metrics.accuracy = as usual: must be a block"),
        (listed, [scores, manifest, "--name", "peer"], "preset = ['far']: must be the name of an archived preset"),
    ]
    for content, arguments, line in faults:
        files(root, content)
        status, out, error = run(*arguments)
        assert (status, out) == (2, "") and error.startswith("error: ") and error.count("\n") == 1, error
        assert line in error
    assert not (root / external.FOLDER).exists()


def test_a_task_without_runs_names_the_command_that_makes_them(bench):
    root, run = bench
    live = ("records", [], f"bench train {TASK}")
    far = ("archive/far", ["--preset", "far"], "bench preset far --jobs 2")
    for folder, preset, command in (live, far):
        shutil.rmtree(root / "results" / folder / TASK)
        assert run("--skeleton", TASK, *preset) == (
            2,
            "",
            f"error: task {TASK}: nothing has run yet; run `{command}`\n",
        )


def test_a_name_is_taken_once(bench):
    root, run = bench
    scores, manifest = files(root, run("--skeleton", TASK)[1])
    assert run(scores, manifest, "--name", "peer")[0] == 0
    status, _, error = run(scores, manifest, "--name", "peer")
    assert status == 2 and "peer already exists; remove it first or choose another --name" in error
