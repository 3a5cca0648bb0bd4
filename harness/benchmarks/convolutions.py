"""Time an update of five stacked seeds for each way of convolving them, compared with a loop over the seeds.

    bench speed convolutions

The nets are the released image nets with batch 64, on the current device. All ways are set up first, and a pair times
each of them once.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from harness.benchmarks.device import BLOCK, WAYS, Setting, Training
from harness.benchmarks.record import Options, alternate, record, row
from harness.errors import BenchError
from harness.report.records.measured import Record
from harness.run.device import pick_device

REFERENCE, SEEDS = "loop", 5


def measure(options: Options) -> Iterator[Record]:
    torch.set_num_threads(1)
    device = pick_device()
    on_cuda = device.type == "cuda"
    updates = options.size(100, 10) if on_cuda else 1
    runs, modes = {}, {}
    for way in WAYS:
        try:
            training = Training(device, Setting("fp32", on_cuda, SEEDS, way), options.count * updates)
        except BenchError as error:
            print(f"  left out: {error}", flush=True)
            continue
        runs[way], modes[way] = (lambda _, training=training: training.seconds(updates) / updates), training.step.mode
    pairs = [values for _, values in alternate(options, **runs)]
    loop = [values[REFERENCE] for values in pairs]
    rows = [
        row(way, "s", [values[way] for values in pairs], loop, "a loop over seeds") for way in runs if way != REFERENCE
    ]
    settings = {"updates": updates, "seeds": SEEDS, "batch": BLOCK["batch"], "precision": "fp32", "modes": modes}
    name = "convolutions-cuda" if on_cuda else "convolutions"  # a device overwrites no other's record
    yield record(
        options, name, "An update of five image seeds by the way they are convolved", rows, settings, device=device.type
    )
