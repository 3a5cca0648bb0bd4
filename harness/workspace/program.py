"""`bench export --program`: write the net of one seed as a file that plain torch runs, without this project.

For a method of images it is the scored generator, from latents to images. For a control method it is the policy's mode,
from observations to actions.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from harness.errors import BenchError
from harness.places.train import build_task
from harness.plan.plan import Cell
from harness.workspace.export import trained
from harness.workspace.nets import Net, nets_of


def program(root: Path, cell: Cell, out: Path, seed: int) -> list[str]:
    """Write the program of one seed to `out` and return the lines of code that load and call it.

    Raises BenchError if there is no finished checkpoint of the cell here, or if its outputs are neither images nor
    actions.
    """
    task = build_task(root, cell)
    return write_program(nets_of(trained(root, cell, task, seed).outputs(), task.spec, str(cell))[0], out)


def write_program(net: Net, out: Path) -> list[str]:
    """Do what `program` does for one net; the file also contains "about.json", which describes inputs and outputs."""
    about = {"takes": net.law, "makes": net.makes}
    try:
        torch.export.save(net.exported(), str(out), extra_files={"about.json": json.dumps(about)})
    except (OSError, RuntimeError, ValueError) as error:
        raise BenchError(
            f"cannot write {out}: {error}: give a file that ends in .pt2, in a folder that is there"
        ) from None
    example = ", ".join(f"torch.randn(16, {size})" for size in net.inputs.values())
    return [
        "import torch",
        f'net = torch.export.load("{out}").module()  # takes {net.law}; makes {net.makes}',
        f"print(net({example}).shape)",
    ]
