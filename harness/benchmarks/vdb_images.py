"""Compare the residual VGAN-GP of CIFAR with the released VDB image code: updates per second of one seed, one thread.

    git clone https://github.com/akanazawa/vgan build/vdb-images
    bench speed --peer vdb-images --checkout build/vdb-images

Both train the released setting (configs/cifar10_vgan.1-gp.yaml there): the same nets, batch, losses, penalty,
optimisers and moving average, on random images. An update is one step of the discriminator and one of the generator.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.benchmarks import peers, residual
from harness.benchmarks.record import Options, alternate, at_least, record, row
from harness.report.records.measured import Record

AIM = 1.6  # updates per second, ours over theirs
CONFIG = "configs/cifar10_vgan.1-gp.yaml"
ADDRESS = "https://github.com/akanazawa/vgan"


def measure(options: Options) -> Iterator[Record]:
    code = peers.checkout("vdb-images", options, CONFIG, ADDRESS)
    found = peers.version("vdb-images", options)
    updates = options.size(5, 2)
    settings = {"checkout": str(code), "config": CONFIG, "updates": updates}

    def theirs(seed: int) -> float:
        return updates / peers.call(options.python, "peer_vdb_images.py", settings | {"seed": seed})["seconds"]

    made = [
        both
        for _, both in alternate(
            options, theirs=theirs, ours=lambda k: updates / residual.train(options.root, (k,), updates)
        )
    ]
    ours, others = ([both[side] for both in made] for side in ("ours", "theirs"))
    rows = [
        row("one seed", "updates/s", ours, others, "released VDB image code", higher_is_better=True, aim=at_least(AIM))
    ]
    about = {"config": CONFIG, "updates": updates, "images": "random, 32 pixels"}
    peer = {"name": "released VDB image code", "version": f"{peers.commit(code)}, {found['name']} {found['version']}"}
    yield record(options, "vdb-images", "VGAN-GP on CIFAR's residual nets", rows, about, peer)
