"""Compare one seed with a plain loop in PyTorch, as one would write it for that method alone, on one thread.

    bench speed plain

The plain loops have the same nets, batches, optimiser steps and settings, one backward pass for each net, and neither
logs, checks nor counted draws. What the released code of a peer takes beyond its plain loop is the peer's own cost.
A pair trains VGAN-GP on the digits and on CIFAR's residual nets, and GAIL on Hopper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from harness.benchmarks import beside, cells, peers, residual
from harness.benchmarks.record import Options, alternate, at_least, record, row
from harness.report.records.measured import Record

AIM = 1.0  # never slower than the plain loop
DIGITS = ("digits8", "vgan_gp")
GAN_SCRIPT, GAIL_SCRIPT = "peer_plain_gan.py", "peer_plain_gail.py"
AGAINST = "plain PyTorch"


def measure(options: Options) -> Iterator[Record]:
    on_digits = cells.trained(options.root, *DIGITS)
    work = beside.Work("gail", demonstrations=beside.expert(options.root), steps=options.size(20_000, 8_000), stack=1)
    updates = {"digits": options.size(1500, 300), "residual nets": options.size(5, 2)}
    sides: dict[str, tuple[str, float, Callable[[int], float], Callable[[int], float]]] = {
        "VGAN-GP on digits": (
            "updates/s",
            updates["digits"],
            lambda k: on_digits((k,), updates["digits"]),
            lambda k: _gan(digits_settings(options) | {"updates": updates["digits"], "seed": k}),
        ),
        "VGAN-GP on CIFAR's residual nets": (
            "updates/s",
            updates["residual nets"],
            lambda k: residual.train(options.root, (k,), updates["residual nets"]),
            lambda k: _gan(residual_settings(options) | {"updates": updates["residual nets"], "seed": k}),
        ),
        f"GAIL on {work.robot}": (
            "steps/s",
            work.steps,
            lambda k: beside.ours(work, (k,))["seconds"],
            lambda k: peers.call(None, GAIL_SCRIPT, beside.peer_settings(work, k))["seconds"],
        ),
    }
    rows = []
    for name, (unit, amount, ours, theirs) in sides.items():
        print(f" {name}")
        made = [both for _, both in alternate(options, theirs=theirs, ours=ours)]
        mine, others = ([amount / both[side] for both in made] for side in ("ours", "theirs"))
        rows.append(row(f"{name}, one seed", unit, mine, others, AGAINST, higher_is_better=True, aim=at_least(AIM)))
    settings = {"updates": updates, "steps": work.steps, "cell": "/".join(DIGITS)}
    peer = {"name": AGAINST, "version": peers.version("vdb-images", options)["version"]}
    yield record(options, "plain", "One seed beside a plain loop", rows, settings, peer)


def digits_settings(options: Options) -> dict[str, Any]:
    """Return the settings of the plain loop for the cell of the digits."""
    from harness.plan.plan import load_plan

    method = load_plan(options.root).cell(*DIGITS).method_params.model_dump(mode="json")
    return _settings(method, method["net"]["kind"]) | {"side": 8, "channels": 1}


def residual_settings(options: Options) -> dict[str, Any]:
    """Return the settings of the plain loop for the released setting of CIFAR."""
    from harness import registry
    from harness.run.like import without_title
    from harness.workspace.presets import compose_preset

    block = compose_preset(options.root, residual.PRESET)["methods"][residual.TASK][residual.METHOD]
    method = registry.algorithm(block["algorithm"]).Params(**without_title(block)).model_dump(mode="json")
    return _settings(method, "residual") | {"side": residual.SIDE, "channels": 3}


def _settings(method: dict[str, Any], kind: str) -> dict[str, Any]:
    optimizer, bottleneck, net = method["critic_optimizer"], method["bottleneck"], method["net"]
    names = {"adam": ("lr", "betas", "eps"), "rmsprop": ("lr", "alpha", "eps")}[optimizer["name"]]
    return {
        "kind": kind,
        "width": net["width"],
        "max_width": net.get("max_width"),
        "latent": method["latent"],
        "batch": method["batch"],
        "code": bottleneck["size"],
        "beta": bottleneck["beta"],
        "i_c": bottleneck["i_c"],
        "dual_step": bottleneck["dual_step"],
        "penalty": method["penalties"]["r1"]["weight"],
        "decay": method["ema"]["decay"],
        "optimizer": {"name": optimizer["name"], **{name: optimizer[name] for name in names}},
    }


def _gan(settings: dict[str, Any]) -> float:
    return peers.call(None, GAN_SCRIPT, settings)["seconds"]
