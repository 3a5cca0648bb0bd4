"""The benchmarks' shared parts: pairs alternate, records fit the schema, what is missing gets one line. No timings."""

import json
import sys
from itertools import count
from pathlib import Path

import pytest

from harness.benchmarks import beside, fid, peers, record, speed
from harness.benchmarks.record import Options, alternate, at_most, row
from harness.cli import main
from harness.registry import ROOT
from harness.report.records import measured
from harness.report.tables import speed as report
from harness.report.tables.formats import words


def made(options: Options, ratio_aim: float = 2.0) -> measured.Record:
    one, two, three = ([value] * options.count for value in (1.0, 2.0, 3.0))
    rows = [row("work", "s", one, two, "other", aim=at_most(ratio_aim)), row("start", "s", three)]
    return record.record(options, "thing", "A thing", rows, {"size": 1}, {"name": "peer", "version": "1"})


def test_runs_of_a_pair_alternate_and_the_order_turns(tmp_path, capsys):
    order, clock = [], count()
    runs = {name: lambda k, name=name: order.append((k, name)) or float(next(clock)) for name in ("ours", "theirs")}
    values = [pair for _, pair in alternate(Options(tmp_path, quick=True), **runs)]
    assert order == [(0, "ours"), (0, "theirs"), (1, "theirs"), (1, "ours")]
    assert values == [{"ours": 0.0, "theirs": 1.0}, {"ours": 3.0, "theirs": 2.0}]
    assert capsys.readouterr().out.splitlines()[1] == "  pair 2 of 2: theirs 2, ours 3", (
        "in the order in which they ran"
    )


def test_ratios_are_taken_within_pairs():
    found = row("speed", "steps/s", [3.0, 4.0, 4.0], [1.0, 2.0, 4.0], "peer", higher_is_better=True)
    assert found["ratio"] == {"median": 2.0, "least": 1.0, "most": 3.0}
    assert found["ours"] == {"median": 4.0, "least": 3.0, "most": 4.0}
    assert measured.cost(found) == {"median": 0.5, "least": 1 / 3, "most": 1.0}
    assert row("start", "s", [1.0, 2.0])["ratio"] is None


def test_a_quick_record_overwrites_no_full_one(tmp_path):
    full = record.write(tmp_path, made(Options(tmp_path)))
    before = full.read_bytes()
    for options in (Options(tmp_path, quick=True), Options(tmp_path, pairs=3)):
        quick = made(options)
        assert quick["quick"] and record.write(tmp_path, quick).name == "thing-quick.json"
    assert full.read_bytes() == before and full.name == "thing.json"
    assert [one["benchmark"] for one in measured.load_measured(full.parent)] == ["thing"]
    full.unlink()
    assert [one["benchmark"] for one in measured.load_measured(full.parent)] == ["thing-quick"]


def test_every_committed_record_is_of_the_schema():
    records = measured.load_measured(ROOT / record.FOLDER)
    assert (
        {path.stem for path in (ROOT / record.FOLDER).glob("*.json")} >= {one["benchmark"] for one in records} > set()
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda r: r.pop("commit"), "its keys must be benchmark, title"),
        (lambda r: r.update(benchmark="other"), "benchmark must be thing, got other"),
        (lambda r: r["machine"].pop("threads"), "the keys of machine must be processor"),
        (lambda r: r.update(peer={"name": "x"}), "the keys of peer must be name and version"),
        (lambda r: r.update(rows=[]), "it must have at least one row"),
        (lambda r: r["rows"][0].pop("aim"), "the keys of a row must be name"),
        (
            lambda r: r["rows"][0]["pairs"][0].pop("theirs"),
            "row work: a pair must have positive numbers for ours",
        ),
        (lambda r: r["rows"][0]["pairs"][0].update(ours=0.0), "must have positive numbers"),
        (lambda r: r["rows"][0]["pairs"].pop(), "row work must have at least 5 pairs, got 4"),
        (lambda r: r["rows"][0]["ratio"].update(median=0.4), "row work: the summaries do not match its pairs"),
        (lambda r: r["rows"][1].update(aim=at_most(1.0)), "row start: its aim must be of ours or of ratio"),
        (lambda r: r["rows"][0].update(aim={"of": "ratio"}), "row work: its aim must be of ours or of ratio"),
    ],
)
def test_what_is_not_of_the_schema_is_named(change, line, tmp_path):
    held = made(Options(tmp_path))
    assert measured.fault(held, "thing") is None
    change(held)
    assert line in measured.fault(held, "thing")
    (tmp_path / "thing.json").write_text(json.dumps(held))
    with pytest.raises(measured.BenchError, match="thing.json: .*; make it again with `bench speed`"):
        measured.load_measured(tmp_path)


def test_aims():
    values = {"ours": [1.0] * 5, "theirs": [2.0] * 5, "against": "other"}
    for bound, reached in ((0.5, True), (0.4, False)):
        assert measured.met(row("x", "s", **values, aim=at_most(bound))) is reached
    assert measured.met(row("x", "s", **values, aim={"of": "ours", "at_least": 1.5})) is False
    assert measured.met(row("x", "s", **values)) is None


def test_a_median_that_rounds_to_its_aim_shows_one_digit_more(tmp_path):
    def shown(ours, aim):
        rows = [row("work", "s", [ours] * 5, aim=aim and {"of": "ours", "at_most": aim})]
        record.write(tmp_path, record.record(Options(tmp_path), "thing", "A thing", rows, {}))
        (made,) = report.speeds(tmp_path / record.FOLDER, str)
        return words(made.rows[0][4]).split(" ")[0]

    assert shown(0.1003, 0.1) == "0.1003"
    assert shown(0.1003, None) == shown(0.1003, 0.2) == shown(0.1, 0.1) == "0.100"


def test_each_peer_has_a_benchmark_and_commands():
    assert speed.WITH_PEER.keys() == peers.PEERS.keys()
    for peer in peers.PEERS.values():
        assert "uv pip install" in peer.make and "\n" not in peer.make


def test_a_peer_beside_this_project_leaves_it_editable_and_one_apart_needs_no_folder():
    for peer in peers.PEERS.values():
        assert "pip install '." not in peer.make and ("> build/" not in peer.make or peer.make.startswith("mkdir -p"))


def run(words: list[str], capsys) -> tuple[int, str]:
    status = main(["--root", str(ROOT), "speed", *words])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return status, said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--peer", "gial"], "--peer gial: unknown; did you mean gail?"),
        (["frechett"], "benchmark frechett: unknown; did you mean frechet?"),
        (
            ["--peer", "ppo", "--python", "/no/python"],
            "--python /no/python: no such file; create the environment with: uv pip install",
        ),
        (
            ["--peer", "vdb-images"],
            "peer vdb-images: --checkout is missing; get it with: git clone https://github.com/akanazawa/vgan",
        ),
        (["--peer", "vdb-images", "--checkout", "/no"], "peer vdb-images: /no has no configs/cifar10_vgan.1-gp.yaml"),
    ],
)
def test_what_is_missing_gets_one_line(words, line, capsys):
    status, said = run(words, capsys)
    assert status == 2 and said.startswith(f"error: {line}")


def test_a_missing_peer_gets_the_commands(capsys, monkeypatch):
    monkeypatch.setitem(peers.PEERS, "gail", peers.Peer(("no-such-package",), peers.OWN))
    status, said = run(["--peer", "gail"], capsys)
    assert status == 2 and f"{sys.executable} does not have no-such-package; create it with: {peers.OWN}" in said


def test_of_all_a_missing_peer_is_left_out(tmp_path, monkeypatch):
    def missing(_):
        raise measured.BenchError("peer gail: not here")
        yield

    monkeypatch.setattr(speed, "ALONE", {"thing": lambda options: iter([made(options)])})
    monkeypatch.setattr(speed, "WITH_PEER", {"gail": missing})
    said = list(speed.speed(Options(tmp_path)))
    assert (tmp_path / "results/benchmarks/thing.json").is_file()
    assert "  left out: peer gail: not here" in said and said[-1].startswith("not run: gail")
    with pytest.raises(measured.BenchError):
        list(speed.speed(Options(tmp_path), peer="gail"))


def test_a_failing_peer_gets_its_last_line(tmp_path):
    with pytest.raises(measured.BenchError, match=r"-c .* failed: ValueError: told so"):
        peers.call(None, ("-c", "raise ValueError('told so')"), {})
    assert peers.call(None, ("-c", "import sys, json; print(json.load(open(sys.argv[1]))['a'])"), {"a": 3}) == 3


def test_gail_needs_demonstrations(tmp_path):
    with pytest.raises(measured.BenchError, match="no-file: no such file; train the expert's cell first"):
        next(beside.measure(Options(tmp_path), beside.Work("gail", demonstrations=Path("no-file"))))


def test_images_and_weights_of_the_distance_are_the_same_each_time(tmp_path):
    made_twice = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths = fid._make_inputs(tmp_path / name, 2, 1)
        files = sorted(Path(paths["images"]).glob("*.jpg")) + sorted(Path(paths["reference"]).glob("*.jpg"))
        made_twice.append([path.read_bytes() for path in files])
    assert made_twice[0] == made_twice[1] and len(set(made_twice[0])) == 3
