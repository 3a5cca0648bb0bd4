"""What a user can get wrong: exit status 2 and one line that names the thing and the mend."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from harness.cli import main
from harness.registry import ROOT
from harness.yaml_text import dump

NET = {"kind": "mlp", "width": 4, "depth": 1}
CRITIC = {"algorithm": "critic", "loss": "non_saturating", "net": NET, "batch": 8, "critic_optimizer": {"lr": 1e-3}}
GAN = {
    **CRITIC,
    "algorithm": "gan",
    "generator_net": NET,
    "latent": 2,
    "generator_optimizer": {"lr": 1e-3},
    "ema": {"decay": 0.9},
}
TASK = {"seeds": [0, 1], "block": 2, "steps": 4, "evaluations": 1, "log_points": 1}
ENCODER = {"encoder": "digits-cnn", "encoder_weights": "digits-cnn.npz"}
PARAMS = {
    "preset": "laptop",
    "protocol": 1,
    "tasks": {
        "pair": {"family": "gaussians", **TASK},
        "tiny": {"family": "images", "data": "digits", "score": ENCODER, **TASK},
        "own": {
            "family": "images",
            "data": "folder",
            "root": "faces.zip",
            "size": 32,
            "hold_out": 2,
            "score": ENCODER,
            **TASK,
        },
    },
    "methods": {"pair": {"plain": CRITIC, "wide": {**CRITIC, "batch": 16}}, "tiny": {"gan": GAN}, "own": {"gan": GAN}},
    "report": {"baseline": {"pair": "plain"}},
}
CHECK, PREPARE, PAIR, TINY = ["check"], ["prepare", "own"], ["train", "pair", "plain"], ["train", "tiny", "gan"]


class Project:
    """A small project that trains; each case breaks one thing of it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        self.root, self.patch, self.params = root, monkeypatch, json.loads(json.dumps(PARAMS))  # nothing shared
        shutil.copy(ROOT / "results/data/digits-cnn.npz", root / "digits-cnn.npz")

    def set(self, key: str, value) -> None:
        *path, last = key.split("/")
        block = self.params
        for part in path:
            block = block[part]
        block[last] = value

    def write(self) -> None:
        (self.root / "params.yaml").write_text(dump(self.params))

    def run(self, *argv: str) -> int:
        return main(["--root", str(self.root), *argv])

    def images(self, stray: str | None = None) -> bytes:
        """A zip of six images of 32x32."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for i in range(6):
                image = io.BytesIO()
                Image.new("RGB", (32, 32), (40 * i, 0, 0)).save(image, "png")
                archive.writestr(f"train/{i}.png", image.getvalue())
            if stray:
                archive.writestr(stray, "hello")
        (self.root / "faces.zip").write_bytes(content.getvalue())
        return content.getvalue()

    def trained(self, cell: str = "plain") -> Path:
        """The scratch folder of a cell of `pair`, trained."""
        self.write()
        before = set(self.root.glob(".scratch/runs/*/*"))
        assert self.run("prepare", "pair") == 0 and self.run("train", "pair", cell) == 0
        (folder,) = set(self.root.glob(".scratch/runs/*/*")) - before
        return folder

    def prepared(self, task: str) -> Path:
        self.write()
        assert self.run("prepare", task) == 0
        return self.root / "results/data" / f"{task}.json"


def block(key, value):
    return lambda p: p.set(key, value)


ABLATION = {"method": "plain", "key": "batch", "values": [8, 16], "seeds": [0, 1]}


def tuned(**changes):
    """A file of tuning with these keys."""
    space = {"seeds": [7], "trials": 2, "steps": 4, "n_validation": 2, "metric": "accuracy"} | changes

    def write(p):
        (p.root / "results/tuning").mkdir(parents=True)
        (p.root / "results/tuning/pair.yaml").write_text(dump(space))

    return write


def no_params(p):
    p.write = lambda: None


def broken_yaml(p):
    p.write = lambda: (p.root / "params.yaml").write_text("tasks: {pair: [1, 2\nmethods: {}\n")


def list_yaml(p):
    p.write = lambda: (p.root / "params.yaml").write_text("- 1\n")


def truncated_zip(p):
    content = p.images()
    (p.root / "faces.zip").write_bytes(content[: len(content) // 2])


def other_weights(p):
    p.prepared("tiny")
    (p.root / "w.pth").write_bytes(b"other weights")
    p.set("tasks/tiny/score", {"encoder": "inception-v3-fid", "encoder_weights": str(p.root / "w.pth")})


def absent_weights(p):
    p.set("tasks/tiny/score", {"encoder": "inception-v3-fid", "encoder_weights": str(p.root / "none.pth")})


def file_for_records(p):
    p.prepared("pair")
    (p.root / "results/records").write_text("in the way")


def file_for_scratch(p):
    p.prepared("pair")
    shutil.rmtree(p.root / ".scratch", ignore_errors=True)
    (p.root / ".scratch").write_text("in the way")


def full_disk(p):
    p.prepared("pair")

    def fsync(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    p.patch.setattr(os, "fsync", fsync)


def other_data(p):
    path = p.prepared("pair")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data_hash": "0123456789abcdef"}))


def broken_manifest(p):
    p.prepared("pair").write_text("{")


def locked(p):
    p.lock = os.open(p.trained() / "lock", os.O_RDWR | os.O_CREAT)  # held until the tests end
    fcntl.flock(p.lock, fcntl.LOCK_EX)


def no_gpu(p):
    p.prepared("pair")
    p.patch.setenv("BENCH_DEVICE", "cuda")
    p.patch.setattr(torch.cuda, "is_available", lambda: False)


def large_batch(p):
    p.prepared("tiny")
    p.set("methods/tiny/gan/batch", 1201)


# name: (what is broken, the command, the line; ROOT stands for the project's folder).
CASES = {
    "misspelt key": (
        block("methods/pair/plain/losss", "hinge"),
        CHECK,
        "methods.pair.plain.losss: unknown key; did you mean loss?",
    ),
    "misspelt inner key": (
        block("methods/pair/plain/bottleneck", {"size": 4, "dualstep": 1e-3}),
        CHECK,
        "methods.pair.plain.bottleneck.dualstep: unknown key; did you mean dual_step?",
    ),
    "misspelt key of a net": (
        block("methods/pair/plain/net", {**NET, "widht": 3}),
        CHECK,
        "methods.pair.plain.net.widht: unknown key; did you mean width?",
    ),
    "misspelt top key": (block("task", {}), CHECK, "params.yaml.task: unknown key; did you mean tasks?"),
    "missing key": (block("methods/pair/plain", {"algorithm": "critic"}), CHECK, "methods.pair.plain.loss: missing"),
    "like no block": (
        block("methods/pair/plain", {"like": "pair.wid"}),
        CHECK,
        "params.yaml: methods.pair.plain.like = pair.wid: unknown; did you mean wide?",
    ),
    "like itself": (
        block("methods/pair/plain", {"like": "plain"}),
        CHECK,
        "params.yaml: methods: pair.plain -> pair.plain is circular: remove one `like`",
    ),
    "a title that is no text": (
        block("tasks/pair/title", 8),
        CHECK,
        "params.yaml: tasks.pair.title = 8: must be a string, in quotes if it looks like a number",
    ),
    "wrong type": (
        block("methods/pair/plain/batch", "many"),
        CHECK,
        "methods.pair.plain.batch = 'many': must be a valid integer",
    ),
    "infinite rate": (
        block("methods/pair/plain/critic_optimizer", {"lr": float("inf")}),
        CHECK,
        "critic_optimizer.lr = inf: must be a finite number",
    ),
    "negative bound": (
        block("methods/pair/plain/bottleneck", {"i_c": -1.0, "dual_step": 1e-3}),
        CHECK,
        "methods.pair.plain.bottleneck.i_c = -1.0: must be greater than or equal to 0",
    ),
    "bound without a step": (
        block("methods/pair/plain/bottleneck", {"i_c": 0.1}),
        CHECK,
        (
            "methods.pair.plain.bottleneck: i_c and dual_step go together:"
            " give both for an adaptive beta, neither for a fixed one"
        ),
    ),
    "unknown algorithm": (
        block("methods/pair/plain/algorithm", "critc"),
        CHECK,
        "params.yaml: methods.pair.plain.algorithm = critc: unknown; did you mean critic?",
    ),
    "no name as an algorithm": (
        block("methods/pair/plain/algorithm", ["critic"]),
        CHECK,
        "methods.pair.plain.algorithm = ['critic']: unknown; did you mean critic?",
    ),
    "unknown family": (
        block("tasks/pair/family", "gausians"),
        CHECK,
        "params.yaml: tasks.pair.family = gausians: unknown; did you mean gaussians?",
    ),
    "algorithm of another family": (
        block("methods/pair/plain", GAN),
        CHECK,
        "methods.pair.plain: algorithm gan is for images, not gaussians",
    ),
    "unknown loss": (
        block("methods/pair/plain/loss", "wassserstein"),
        CHECK,
        "methods.pair.plain.loss = 'wassserstein': must be 'minimax', ",
    ),
    "unknown net": (
        block("methods/pair/plain/net/kind", "resnet"),
        CHECK,
        "methods.pair.plain.net.kind = 'resnet': must be 'mlp'",
    ),
    "methods of no task": (block("methods/piar", {}), CHECK, "methods.piar: unknown key; did you mean pair?"),
    "ablation of no method": (
        block("ablations", {"pair": {"b": {"method": "plan", "key": "batch", "values": [4], "seeds": [0]}}}),
        CHECK,
        "ablations.pair.b.method = plan: unknown key; did you mean plain?",
    ),
    "ablation of no key": (
        block("ablations", {"pair": {"b": {"method": "plain", "key": "bottleneck.i_c", "values": [4], "seeds": [0]}}}),
        CHECK,
        "ablations.pair.b.key = bottleneck.i_c: the method's block does not have bottleneck",
    ),
    "baseline of no method": (
        block("report/baseline/pair", "plian"),
        CHECK,
        "report.baseline.pair = plian: unknown key; did you mean plain?",
    ),
    "baseline of no task": (
        block("report/baseline/piar", "plain"),
        CHECK,
        "report.baseline.piar: unknown key; did you mean pair?",
    ),
    "duplicate seeds": (
        block("tasks/pair/seeds", [0, 1, 1]),
        CHECK,
        "tasks.pair.seeds = [0, 1, 1]: seeds must be distinct integers from 0 to 2^31 - 1",
    ),
    "no list of seeds": (
        block("tasks/pair/seeds", 3),
        CHECK,
        "params.yaml: tasks.pair.seeds = 3: must be a list of one or more seeds, such as [0, 1, 2]",
    ),
    "no seed": (block("tasks/pair/seeds", []), CHECK, "tasks.pair.seeds = []: must be a list of one or more seeds"),
    "a method without a block": (
        block("methods/pair/plain", None),
        CHECK,
        "params.yaml.methods.pair.plain = None: must be a block of keys, indented below its name",
    ),
    "a task without a block of methods": (
        block("methods/pair", None),
        CHECK,
        "params.yaml.methods.pair = None: must be a block of keys, indented below its name",
    ),
    "a net by its name alone": (
        block("methods/pair/plain/net", "mlp"),
        CHECK,
        "params.yaml: methods.pair.plain.net = 'mlp': must be a block of keys\n",
    ),
    "an ablation that sets a wrong value": (
        block("ablations", {"pair": {"b": {"method": "wide", "key": "batch", "values": [4, -1], "seeds": [0]}}}),
        CHECK,
        "params.yaml: ablations.pair.b sets methods.pair.wide.batch = -1: must be greater than or equal to 2",
    ),
    "an ablation with one value and no list": (
        block("ablations", {"pair": {"b": {"method": "wide", "key": "batch", "values": 4, "seeds": [0]}}}),
        CHECK,
        "params.yaml.ablations.pair.b.values = 4: must be a list\n",
    ),
    "an ablation of a wrong method": (  # whose own line is enough
        lambda p: (
            p.set("methods/pair/wide/batch", "many"),
            p.set("ablations", {"pair": {"b": {"method": "wide", "key": "loss", "values": ["hinge"], "seeds": [0]}}}),
        ),
        CHECK,
        "error: params.yaml: methods.pair.wide.batch = 'many': must be a valid integer\n",
    ),
    "a file as the root": (
        lambda p: None,
        ["--root", "params.yaml", "list"],
        "--root params.yaml is not a folder: name the project's folder",
    ),
    "both ways to name cells": (
        lambda p: None,
        ["train", "pair/plain", "tiny"],
        "'tiny' is not TASK/CELL: write TASK CELL ..., or TASK/CELL for every cell",
    ),
    "a cell without a name": (lambda p: None, ["train", "pair/"], "'pair/' is not TASK/CELL: "),
    "no seeds in words": (lambda p: None, [*PAIR, "--seeds", ""], "seeds '': write them as 10-29 or 10,12,20-24"),
    "more seeds than anyone trains": (
        lambda p: None,
        [*PAIR, "--more-seeds", "100000000"],
        "100000000 more seeds are too many: ask for at most 10000, below 2^31",
    ),
    "a method beside itself": (
        lambda p: None,
        ["compare", "plain", "plain"],
        "plain cannot be compared with itself: name two methods",
    ),
    "a comparison on no task": (
        lambda p: p.trained(),
        ["compare", "plain", "wide", "--task", "piar"],
        "task piar: unknown; did you mean pair?",
    ),
    "a merge with itself": (
        lambda p: p.patch.chdir(p.root),
        ["merge", "."],
        ". is this project itself: name the folder of a copy, such as build/NAME",
    ),
    "a film without an end": (
        lambda p: None,
        ["film", "pair", "plain", "--seconds", "inf"],
        "--seconds inf: must be more than 0 and at most 60",
    ),
    "packing itself": (lambda p: p.patch.chdir(p.root), ["pack", "."], ". is this project itself: name the folder"),
    "unpacking into itself": (
        lambda p: [p.patch.chdir(p.root), (p.root / "results/unfinished/p").mkdir(parents=True)],
        ["unpack", "p", "."],
        ". is this project itself: name the folder of a copy, such as build/p",
    ),
    "unpacking into another folder": (
        lambda p: (p.root / "results/unfinished/p").mkdir(parents=True),
        ["unpack", "p", "results"],
        "results is no copy of the project: name one, or a new folder such as build/p",
    ),
    "an export over the parameters": (
        lambda p: p.patch.chdir(p.root),
        ["export", "pair", "plain", "--out", "params.yaml"],
        "--out params.yaml is among the project's own files: name another file",
    ),
    "a page over the parameters": (
        lambda p: p.patch.chdir(p.root),
        ["compare", "plain", "wide", "--page", "params.yaml"],
        "--page params.yaml is among the project's own files: name another file",
    ),
    "a task in place of a method": (
        lambda p: None,
        ["try", "pair"],
        "pair is a task: name one of its methods, METHOD --task pair",
    ),
    "an ablation beside no method": (
        block("ablations", {"pair": {"b": ABLATION | {"reference": "plian"}}}),
        CHECK,
        "ablations.pair.b.reference = plian: unknown key; did you mean plain?",
    ),
    "tuning a key that no method has": (
        tuned(log_uniform={"critic_optimizer.rl": [1e-4, 1e-3]}),
        ["tune", "pair"],
        "pair.yaml: log_uniform.critic_optimizer.rl: unknown key; did you mean lr?",
    ),
    "tuning a word as a number": (
        tuned(log_uniform={"loss": [1e-4, 1e-3]}),
        ["tune", "pair"],
        "log_uniform.loss: must name a number, but a method of pair has 'non_saturating' there",
    ),
    "tuning from high to low": (
        tuned(log_uniform={"critic_optimizer.lr": [1e-3, 1e-4]}),
        ["tune", "pair"],
        "log_uniform.critic_optimizer.lr must be [low, high] with 0 < low < high",
    ),
    "tuning among nothing": (
        tuned(choices={"loss": []}),
        ["tune", "pair"],
        "choices.loss must have at least one value",
    ),
    "tuning without seeds": (tuned(seeds=[]), ["tune", "pair"], "pair.yaml.seeds = []: must have at least one item"),
    "packing no copy": (
        lambda p: None,
        ["pack", "params.yaml"],
        "params.yaml is no copy of the project: name the folder of a run, such as build/NAME",
    ),
    "unpacking into a file": (
        lambda p: (p.root / "results/unfinished/p").mkdir(parents=True),
        ["unpack", "p", "params.yaml"],
        "params.yaml is a file: name the folder of a copy, such as build/p",
    ),
    "unpacking nothing": (
        lambda p: None,
        ["unpack", "p", "none"],
        "preset p has no records in results/archive and no packed run in results/unfinished",
    ),
    "tuning no task": (lambda p: None, ["tune", "piar"], "task piar: unknown; did you mean pair?"),
    "tuning without a file": (
        lambda p: None,
        ["tune", "pair"],
        "results/tuning/pair.yaml is missing: write there what is tried, as in results/tuning/digits8.yaml",
    ),
    "data without a place": (
        block("tasks/own/root", None),
        CHECK,
        "tasks.own: data folder requires root, the folder or zip that holds it",
    ),
    "unknown cell": (
        block("preset", "laptop"),
        ["train", "pair", "plian"],
        "task pair has no cell plian; did you mean plain?",
    ),
    "unknown task": (block("preset", "laptop"), ["train", "piar", "plain"], "task piar: unknown; did you mean pair?"),
    "no params.yaml": (
        no_params,
        CHECK,
        "ROOT/params.yaml is missing: run bench in the project's folder or set --root",
    ),
    "broken YAML": (broken_yaml, CHECK, "ROOT/params.yaml is not valid YAML: "),
    "YAML of a list": (list_yaml, CHECK, "ROOT/params.yaml does not contain parameters"),
    "no zip": (lambda p: None, PREPARE, "no file or folder faces.zip: name a zip or a folder of images"),
    "half a zip": (
        truncated_zip,
        PREPARE,
        "faces.zip is not a complete zip (File is not a zip file): copy it again or use a folder",
    ),
    "text among images": (
        lambda p: p.images("train/notes.txt"),
        PREPARE,
        "train/notes.txt in faces.zip is not an image",
    ),
    "held out too many": (
        lambda p: (p.images(), p.set("tasks/own/hold_out", 6)),
        PREPARE,
        "test: cannot hold out 6 of 6 images: use 0 to 5",
    ),
    "other encoder weights": (other_weights, TINY, "ROOT/w.pth does not hold the weights of inception-v3-fid (sha256 "),
    "no encoder weights": (
        absent_weights,
        ["prepare", "tiny"],
        "cannot read the encoder's weights ROOT/none.pth (No such file or directory): set encoder_weights",
    ),
    "too few samples": (
        block("tasks/tiny/score/n_fake", 32),
        ["prepare", "tiny"],
        "Frechet distance: N = 32 samples are too few for a covariance of d = 32 features: use more than 32 samples",
    ),
    "residual nets on digits": (
        lambda p: (p.prepared("tiny"), p.set("methods/tiny/gan/net", {"kind": "residual"})),
        TINY,
        "residual nets need square images of 16, 32, 64, ... pixels, got 8x8",
    ),
    "batch beyond the data": (
        large_batch,
        TINY,
        "batch 1201 is larger than the training set of 1200: lower the method's batch",
    ),
    "broken manifest": (
        broken_manifest,
        PAIR,
        "ROOT/results/data/pair.json is not valid JSON: run `bench prepare pair` again",
    ),
    "other data than prepared": (other_data, PAIR, "prepared were 0123456789abcdef: run `bench prepare pair`"),
    "no GPU": (no_gpu, PAIR, "BENCH_DEVICE=cuda, but torch sees no GPU here: unset it or set BENCH_DEVICE=cpu"),
    "locked folder": (locked, PAIR, "seeds-0-1 is in use by another run: wait until that has ended"),
    "no folder for records": (file_for_records, PAIR, "cannot write ROOT/results/records/pair/plain/"),
    "no folder for checkpoints": (file_for_scratch, PAIR, "cannot write ROOT/.scratch"),
    "disk full": (full_disk, PAIR, "cannot write ROOT/.scratch/"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name, tmp_path, monkeypatch, capfd):
    mend, argv, line = CASES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_DEVICE", "cpu")
    project = Project(tmp_path, monkeypatch)
    mend(project)
    project.write()
    capfd.readouterr()
    status = project.run(*argv)
    printed = capfd.readouterr().err
    assert status == 2, printed
    errors = [text for text in printed.splitlines() if ": step " not in text]  # progress lines apart
    assert len(errors) == 1 and errors[0].startswith("error: "), printed
    assert line.replace("ROOT", str(tmp_path)) in errors[0] + "\n"
