"""What a cell imports before its first step has been taken: torch, and none of the packages that take seconds."""

import subprocess
import sys

import pytest

from harness.registry import ROOT

SLOW = ("torch._dynamo", "sklearn", "scipy", "pandas", "matplotlib", "torchvision", "torch_fidelity")
CODE = """
import sys
from pathlib import Path
from harness.plan.plan import load_plan
from harness.places.train import build_method, build_task
from harness.run.device import pick_device
from harness.run.seeds import CounterDraws
root, device = Path({root!r}), pick_device()
cell = load_plan(root).cell({task!r}, {cell!r})
task, draws = build_task(root, cell), CounterDraws(cell.blocks[0], "test", device)
method = build_method(cell, task, draws, device)
method.update(task.source(device), draws)
print(*(name for name in {slow!r} if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("task", "cell"), [("digits8", "vgan_gp"), ("vib_digits", "vib"), ("c_maze", "vairl_gp"), ("reacher", "gail")]
)
def test_a_cell_imports_nothing_slow(task, cell):
    code = CODE.format(root=str(ROOT), task=task, cell=cell, slow=SLOW)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.split() == []
