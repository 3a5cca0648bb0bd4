"""What a cluster is refused for, in one line before anything runs, and what its nodes do: all without Ray."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from harness.cli import main
from harness.errors import BenchError
from harness.files import cannot_write
from harness.places.cluster import home, node, same
from harness.places.cluster.beats import SECONDS, Beats, Heard, Sender
from harness.places.cluster.connect import NODE_SECONDS, TRIES, alike, fitting, listening, variables
from harness.places.cluster.home import Home
from harness.places.cluster.on import On
from harness.places.cluster.place import BEGIN_SECONDS, LARGEST, Cluster, Sent
from harness.places.cluster.train import DRIVER, agreed
from harness.places.errand import There
from harness.places.jobs import Job, Lost
from harness.places.pulse import Pulse
from harness.plan.plan import load_plan
from harness.plan.resources import Resources
from harness.registry import ROOT
from harness.run.checkpoint import lock_folder
from harness.run.params import TaskParams
from harness.tests import small

OURS = same.Make({"python": "3.11", "torch": "2.13.0", "mujoco-warp": None}, "code")


class FakeRay(ModuleType):
    """As much of Ray as a driver asks: nodes of the given resources, which answer with `answers`.

    A node without an answer was just lost: it is listed as alive until it has been asked, unless it is `deaf`.
    """

    def __init__(self, *resources: dict[str, float], answers: tuple = (), deaf: bool = False):
        super().__init__("ray")
        self.resources, self.answers, self.deaf = resources, answers, deaf
        self.kept: list[object] = []
        self.lost: set[str] = set()

    def nodes(self) -> list[dict]:
        names = [f"{i:04d}node" for i in range(len(self.resources))]
        return [{"NodeID": n, "Alive": n not in self.lost, "Resources": r} for n, r in zip(names, self.resources)]

    def remote(self, *function: object, **__: object):
        def options(**said: object):
            return SimpleNamespace(remote=lambda *_: said["scheduling_strategy"], said=said)

        call = SimpleNamespace(options=options)
        return call if function else lambda function: call

    def get(self, asked: tuple[str, bool], timeout: float) -> tuple:
        name, soft = asked
        assert not soft and 0 < timeout <= NODE_SECONDS
        for answer in self.answers:
            if answer[1] == name:
                return answer
        if not self.deaf:
            self.lost.add(name)
        raise RuntimeError("the node does not exist")

    def put(self, content: object) -> object:
        self.kept.append(content)
        return content


@pytest.fixture
def strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("ray.util.scheduling_strategies")
    module.NodeAffinitySchedulingStrategy = lambda name, soft: (name, soft)
    for name in ("ray", "ray.util"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    small.write(tmp_path)
    return tmp_path


def refused(tree: Path, capsys: pytest.CaptureFixture, *words: str) -> str:
    assert main(["--root", str(tree), "train", *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1, err
    assert {path.name for path in tree.iterdir()} <= {"params.yaml", ".scratch"}
    return err


def fake_ray(monkeypatch: pytest.MonkeyPatch, here: str = "127.0.0.1") -> None:
    """here: what Ray takes for the address of this machine."""
    module = ModuleType("ray")
    module.util = SimpleNamespace(get_node_ip_address=lambda: here)
    monkeypatch.setitem(sys.modules, "ray", module)


def quiet() -> SimpleNamespace:
    """A reference whose answer never comes."""
    return SimpleNamespace(future=Future)


class Small:
    """An errand without data."""

    task_params = TaskParams(family="f", seeds=(0,), steps=1)

    def files(self, root: Path) -> list[Path]:
        return []

    def load(self, root: Path) -> None:
        pass

    def fault(self, value: object) -> None:
        pass


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_where_ray_is_missing_the_extra_is_named(tree, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "--on needs Ray: pip install -e '.[cluster]'" in refused(tree, capsys, "--on", "auto")


@pytest.mark.parametrize(
    "words, line",
    [
        (["--on", "ray://head:10001"], "--on ray://head:10001: Ray's client loses a run when its connection stumbles"),
        (["--on", "head"], "--on head: must be HOST:PORT of a running Ray cluster, or auto"),
        (["--on", "head:x"], "--on head:x: must be HOST:PORT"),
        (["--shared", "."], "--shared is for the nodes of a cluster: give --on too"),
        (["--on", "auto", "--shared", "/no/such"], "--shared /no/such is no folder: make it, where every node sees it"),
        (["--on", "auto", "--jobs", "2"], "--jobs is for this machine, and --on takes all that the cluster has"),
    ],
)
def test_wrong_words_are_refused(words, line, tree, monkeypatch, capsys) -> None:
    fake_ray(monkeypatch)
    assert line in refused(tree, capsys, *words)


def test_an_address_where_nothing_listens_is_refused_at_once(tree, monkeypatch, capsys) -> None:
    fake_ray(monkeypatch)
    address, begun = f"127.0.0.1:{closed_port()}", time.monotonic()
    assert f"no Ray cluster at {address} ([Errno 111] Connection refused)" in refused(tree, capsys, "--on", address)
    assert time.monotonic() - begun < 15
    monkeypatch.setattr(
        socket, "create_connection", lambda address, timeout: (_ for _ in ()).throw(TimeoutError(timeout))
    )
    with pytest.raises(BenchError, match=r"no Ray cluster at 10.0.0.1:6379 \(10.0\)"):
        listening(On("10.0.0.1:6379"))


def test_an_address_that_ray_takes_for_another_is_refused_if_nothing_listens_there(monkeypatch) -> None:
    """A cluster on the loop-back device alone: Ray would ask for it at the machine's outer address for 14 minutes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        fake_ray(monkeypatch)
        assert listening(On(f"localhost:{port}"))
        fake_ray(monkeypatch, "127.0.0.2")
        line = rf"no Ray cluster at 127.0.0.1:{port}, which Ray takes for 127.0.0.2:{port} \(.*refused\): .*=0 here too"
        with pytest.raises(BenchError, match=line):
            listening(On(f"127.0.0.1:{port}"))
    assert os.environ["RAY_NUM_REDIS_GET_RETRIES"] == TRIES


def test_a_second_driver_of_a_tree_is_refused(tree, monkeypatch, capsys) -> None:
    with lock_folder(tree / DRIVER):
        assert f"{DRIVER} is in use by another run: wait" in refused(tree, capsys, "--on", "127.0.0.1:1")


@pytest.mark.parametrize(
    "theirs, line",
    [
        (
            OURS._replace(packages=OURS.packages | {"torch": "2.12.0"}),
            "node b has torch 2.12.0, not 2.13.0: install the same packages on every node",
        ),
        (
            OURS._replace(packages={"python": "3.12", "torch": "2.13.0", "mujoco-warp": "4.0.0"}),
            "node b has python 3.12, not 3.11, mujoco-warp 4.0.0, which is missing here: install the same",
        ),
        (OURS._replace(packages={"python": "3.11"}), "node b has no torch, not 2.13.0: install"),
        (
            OURS._replace(code="other"),
            "node b runs other code than was sent: remove what shadows it from its PYTHONPATH",
        ),
    ],
)
def test_a_node_of_another_make_is_refused_by_name(theirs, line, strategies, monkeypatch) -> None:
    monkeypatch.setattr(same, "make", lambda: OURS)
    ray = FakeRay({}, {}, answers=(("a", "0000node", OURS), ("b", "0001node", theirs)))
    with pytest.raises(BenchError) as refusal:
        alike(ray)
    assert str(refusal.value).startswith(line)
    ray.answers = (
        ("a", "0000node", OURS),
        ("a", "0001node", OURS),
    )
    assert alike(ray) == {"0000node": "a/0000", "0001node": "a/0001"}


def test_a_node_that_was_just_lost_is_left_out_and_one_that_is_alive_must_answer(strategies, monkeypatch) -> None:
    monkeypatch.setattr(same, "make", lambda: OURS)
    answer = ("a", "0001node", OURS)
    assert alike(FakeRay({}, {}, {}, answers=(answer,))) == {"0001node": "a"}
    with pytest.raises(BenchError, match="a node does not answer: the node does not exist; see `ray status`"):
        alike(FakeRay({}, {}, answers=(answer,), deaf=True))


def test_a_task_that_fits_only_on_a_node_that_was_just_lost_is_refused(strategies, monkeypatch, tree) -> None:
    monkeypatch.setattr(same, "make", lambda: OURS)
    ray = FakeRay({"CPU": 1.0}, {"CPU": 0.5}, answers=(("b", "0001node", OURS),))
    plan = load_plan(tree)
    with pytest.raises(BenchError, match="a block takes 1 CPUs, 0 GPUs, more than any node has"):
        agreed(ray, plan, plan.cells)


def test_more_than_any_node_has_is_refused() -> None:
    ray = FakeRay({"CPU": 4.0, "memory": 8e9}, {"CPU": 2.0, "GPU": 1.0, "memory": 8e9})
    fitting(ray, [("a", Resources(cpus=4)), ("b", Resources(cpus=2, gpus=0.25, memory=7.5))])
    for takes, told in (
        (Resources(cpus=1, gpus=8), "1 CPUs, 8 GPUs"),
        (Resources(cpus=4, gpus=1), "4 CPUs, 1 GPUs"),
        (Resources(cpus=1, memory=9), "1 CPUs, 0 GPUs, 9.0 GB"),
    ):
        with pytest.raises(BenchError, match=f"resources.a: a block takes {told}, more than any node has .*: ask for"):
            fitting(ray, [("a", takes)])


def test_a_worker_gets_the_pins_and_the_settings_of_the_project(monkeypatch) -> None:
    monkeypatch.setenv("BENCH_DEVICE", "cpu")
    monkeypatch.setenv("HOME_OF_SECRETS", "x")
    found = variables()
    assert found["BENCH_DEVICE"] == "cpu" and found["OMP_WAIT_POLICY"] == "passive" and "HOME_OF_SECRETS" not in found


def test_neither_help_nor_the_place_itself_imports_ray() -> None:
    code = """
import sys
from harness.cli import parser
parser()
import harness.places.cluster.train, harness.places.pool
print([name for name in sys.modules if name.split(".")[0] == "ray"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_was_damaged_on_its_way_is_refused() -> None:
    with pytest.raises(BenchError, match="what came back was damaged on its way: run the same command again"):
        node.opened(b"a part", "0" * 64)


class Full(Small):
    """An errand on a node whose disk is full."""

    def do(self, there: There) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise cannot_write(there.root / "checkpoint.pt", error) from None


def test_a_block_goes_from_a_node_with_a_full_disk_to_another(strategies, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(node, "names", lambda: ("a", "0000node"))
    monkeypatch.setattr(node, "_fetched", list)
    monkeypatch.chdir(tmp_path)
    home, actor = Home(None, "p", tmp_path), SimpleNamespace(beat=SimpleNamespace(remote=lambda *_: quiet()))
    came: Future = Future()
    came.set_result(node.run(Full(), home, {}, same.make(), actor, 0))
    ray = FakeRay({"CPU": 1.0}, {"CPU": 1.0}, {"CPU": 0.0})
    place, job = Cluster(ray, tmp_path, home, {"0000node": "a"}, tmp_path / "log"), Job("j", print, sent=Full)
    future: Future = Future()
    place.running[future] = Sent(job, 0, object())
    place._settle(future, Full(), job, came)
    with pytest.raises(Lost, match="^the disk of a is full, so no more blocks go there$"):
        future.result()
    assert place._task(job).said["label_selector"] == {"ray.io/node-id": "!in(0000node)"}
    place._check_disks(job)
    place.full.add("0001node")
    refused = place.submit(job).result()
    assert refused.failure == "no other node can take it, and the disk is full on 0001node, a: free space and run again"


def test_a_full_shared_folder_is_a_failure_because_all_nodes_have_it(strategies, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(node, "names", lambda: ("a", "0000node"))
    monkeypatch.setattr(node, "_fetched", list)
    monkeypatch.chdir(tmp_path)
    home, actor = Home(tmp_path, "p", tmp_path), SimpleNamespace(beat=SimpleNamespace(remote=lambda *_: quiet()))
    answer = node.run(Full(), home, {}, same.make(), actor, 0)
    place = Cluster(FakeRay({"CPU": 1.0}), tmp_path, home, {}, tmp_path / "log")
    outcome = place._outcome(Full(), answer, Heard())
    assert "the disk is full: free some space and run again (on a)" in outcome.failure and not place.full


def test_blocks_that_no_node_begins_end_in_one_line(strategies, tmp_path: Path, monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    place = Cluster(FakeRay({"CPU": 1.0}), tmp_path, Home(None, "p", tmp_path), {}, tmp_path / "log")
    sent = Sent(Job("j", print), 0, object())
    place.running[Future()] = sent
    now[0] += BEGIN_SECONDS
    sent.pulse.node = "0000node"
    place._check_begun()
    sent.pulse.node = None
    now[0] += BEGIN_SECONDS
    place._check_begun()
    now[0] += 1
    with pytest.raises(BenchError, match="^no node has begun a block for 900 s: `ray status` says what"):
        place._check_begun()
    place.running[Future()] = Sent(Job("large", print, takes=Resources(cpus=2)), 1, object())
    with pytest.raises(
        BenchError, match="^no node .* 900 s: none that is left has what large takes, so start one; run"
    ):
        place._check_begun()


def test_large_files_do_not_go_through_ray(strategies, tmp_path: Path) -> None:
    tree, shared = tmp_path / "tree", tmp_path / "shared"
    for folder in (tree, shared):
        folder.mkdir()
    large, little = Path("large.npz"), Path("little.npz")
    (tree / large).write_bytes(bytes(LARGEST + 1))
    (tree / little).write_bytes(b"little")
    ray = FakeRay({"CPU": 1.0})
    place = Cluster(ray, tree, Home(None, "p", tree), {}, tmp_path / "log")
    with pytest.raises(BenchError, match="large.npz has 10 MB, too much to send to every node: give --shared"):
        place._put(large)
    place = Cluster(ray, tree, Home(shared, "p", tree), {}, tmp_path / "log")
    assert [place._put(large), place._put(little), place._put(little)] == [None, b"little", b"little"]
    assert ray.kept == [None, b"little"], "each is put once"
    assert (place.home.root() / large).stat().st_size == LARGEST + 1
    assert place.home.lay({large: None, little: b"little"}) == place.home.root()
    assert (place.home.root() / little).read_bytes() == b"little"


def test_one_job_more_than_fits_is_sent(strategies, tmp_path: Path) -> None:
    ray = FakeRay({"CPU": 1.0}, {"CPU": 1.0, "GPU": 1.0})
    place = Cluster(ray, tmp_path, Home(None, "p", tmp_path), {}, tmp_path / "log")
    job = Job("j", print, sent=lambda: None, takes=Resources(cpus=1))
    share = Job("g", print, sent=lambda: None, takes=Resources(cpus=0.1, gpus=0.5))
    taken = []
    while place.room(job):
        place.running[future := Future()] = SimpleNamespace(job=job, number=len(taken))
        taken.append(future)
    assert len(taken) == 3
    taken[0].set_result(None)
    assert place.room(job) and place.room(share) and place.ended == [0]


def test_a_job_asks_for_what_it_takes_and_goes_back_to_its_checkpoints(strategies, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("BENCH_DEVICE", raising=False)
    place = Cluster(FakeRay({"CPU": 4.0, "GPU": 1.0}), tmp_path, Home(None, "p", tmp_path), {}, tmp_path / "log")
    share = Job("share", print, takes=Resources(cpus=2, gpus=0.25, memory=1.5))
    said = place._task(share).said
    assert (said["num_cpus"], said["num_gpus"], said["memory"]) == (2, 0.25, 1_500_000_000)
    assert said["max_retries"] == 0 and said["scheduling_strategy"] == "SPREAD" and "runtime_env" not in said
    plain = Job("plain", print, takes=Resources(cpus=1))
    place.last[plain] = "0000node"
    said = place._task(plain).said
    assert said["scheduling_strategy"] == ("0000node", True), "another node does where that one is gone"
    assert said["runtime_env"] == {"env_vars": {"BENCH_DEVICE": "cpu"}}, "it would see the node's GPU"
    alone = Cluster(FakeRay({"CPU": 4.0}), tmp_path, Home(None, "p", tmp_path), {}, tmp_path / "log")
    assert "runtime_env" not in alone._task(plain).said


class Named(TaskParams):
    root: str | None = None


def test_data_are_taken_where_their_hash_is_right(tmp_path: Path, monkeypatch) -> None:
    tree, shared = tmp_path / "tree", tmp_path / "shared"
    monkeypatch.chdir(tmp_path)
    params = Named(family="f", seeds=(0,), steps=1, root="data/set.zip")

    def load() -> str:
        found = Path("data/set.zip").read_text(encoding="utf-8")
        if found != "right":
            raise BenchError("data of t have hash 1")
        return found

    place = Home(shared, "p", tree)
    with pytest.raises(BenchError, match=rf"^data/set.zip is not in no folder of data here: put it into {shared}/data"):
        place.with_data(place.root(), params, load)
    for folder, content in ((tree, "wrong"), (shared, "wrong")):
        (folder / "data").mkdir(parents=True)
        (folder / "data/set.zip").write_text(content)
    with pytest.raises(BenchError, match=rf"hash 1; data/set.zip is not in {tree}/data, {shared}/data: put it into"):
        place.with_data(place.root(), params, load)
    (shared / "data/set.zip").write_text("right")
    assert place.with_data(place.root(), params, load) == "right"
    assert not (place.root() / "data").exists(), "no link is changed under another block"
    with pytest.raises(BenchError, match="put it into data/ below a folder that you give as --shared"):
        Home(None, "p", tree).with_data(place.root(), params, load)
    assert place.with_data(place.root(), Named(family="f", seeds=(0,), steps=1), lambda: "none") == "none"
    assert home.below_data("data") and not home.below_data("database/x") and not home.below_data(3)


def test_a_pulse_crosses_clocks_and_a_job_that_waits_is_not_quiet(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    heard = Heard()
    now[0] = 500.0
    assert (heard.quiet(), heard.worked(), heard.where) == (0.0, 0.0, "waiting")
    there = Pulse()
    for step in (41, 42, 43):
        now[0] += 2
        there.beat(step)
    sender = Sender(None, 7, {"where": "host", "node": "n"})
    sender.pulse = there
    now[0] += 3
    news = sender.news()
    now[0] = 9000.0
    heard.hear(news, {"n": "host/1"})
    assert (heard.step, heard.made, heard.usual, heard.where) == (43, 3, 2.0, "host/1")
    assert (heard.quiet(), heard.worked()) == (3.0, 9.0)


def test_every_beat_is_answered_with_whether_to_stop() -> None:
    beats = Beats()
    assert beats.beat(1, {"step": 1}) is False and beats.beat(2, {}) is False
    assert beats.all([2]) == {1: {"step": 1}}
    beats.stop()
    assert beats.beat(1, {}) is True
    told: list[int] = []

    class Answer:
        def future(self) -> Future:
            done: Future = Future()
            done.set_result(True)
            return done

    actor = SimpleNamespace(beat=SimpleNamespace(remote=lambda number, news: told.append(number) or Answer()))
    sender = Sender(actor, 5, {})
    with sender.sending():
        time.sleep(SECONDS / 10)
    assert told == [5] and sender.asked
