"""The program of a trained net gives in plain torch what the method gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness import registry
from harness.contracts import TaskSpec
from harness.errors import BenchError
from harness.plan.plan import load_plan
from harness.run.params import validate
from harness.run.seeds import CounterDraws
from harness.workspace.program import write_program


def outputs(task: str, method: str, spec: TaskSpec):
    cell = load_plan(registry.ROOT).cell(task, method)
    module = registry.algorithm(cell.algorithm)
    params = validate(module.Params, cell.method_params.model_dump(), "test")
    draws = CounterDraws((3,), "test", "cpu", lookahead=1)
    return module.build(params, spec, draws, torch.device("cpu")).outputs(), draws


def test_images_in_a_process_that_does_not_know_the_project(tmp_path: Path) -> None:
    made, draws = outputs("digits8", "vgan", TaskSpec("images", (1, 8, 8), 10))
    lines = write_program(made, (1, 8, 8), tmp_path / "vgan.pt2", "digits8/vgan")
    z = draws.normal("eval", "latent/0", (5, 32))[0]
    torch.save((z, made.images(draws, 0, 5)[0]), tmp_path / "pair.pt")
    code = (
        f"{lines[0]}\n{lines[1]}\nz, images = torch.load('pair.pt')\nassert torch.allclose(net(z), images, atol=1e-6)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code + lines[2]], cwd=tmp_path, check=True)


def test_what_has_no_program_is_told(tmp_path: Path) -> None:
    made, _ = outputs("two_gaussians", "i_c_1", TaskSpec("gaussians", (1,), 10))
    with pytest.raises(BenchError, match="two_gaussians/i_c_1 produces neither images nor actions"):
        write_program(made, (1,), tmp_path / "x.pt2", "two_gaussians/i_c_1")
