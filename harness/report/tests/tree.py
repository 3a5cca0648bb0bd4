"""A made-up results tree with every kind of cell, written as the record format says."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from harness.schema import SCORE_COLUMNS
from harness.tests.recorded import ENVIRONMENT

PROVENANCE = {"environment": ENVIRONMENT, "training_seconds": {"0": 9.5}, "scoring_seconds": 12.5}

GANS = [
    "gan",
    "wgan",
    "wgan_gp",
    "wgan_gp_gulrajani",
    "gp",
    "inst_noise",
    "sn",
    "rsgan",
    "rsgan_gp",
    "t_gan",
    "vgan",
    "vgan_sn",
    "vgan_gp",
    "rsgan_r1_vdb",
]
MISSING = "t_gan"
DIVERGED = "wgan"
I_CS = [0.02, 0.05, 0.1, 0.2, 0.5, 2.0]
BETAS = [1e-5, 1e-4, 1e-2, 1e-1, 1.0]  # the method itself holds 1e-3
IMAGE_METRICS = {
    "frechet_digits-cnn": ("Frechet distance (digits CNN)", False, 812.3, 3.0),
    "kid_digits-cnn": ("KID (digits CNN)", False, 40.0, 0.02),
    "precision_digits-cnn": ("precision (digits CNN)", True, 0.0, 0.8),
    "recall_digits-cnn": ("recall (digits CNN)", True, 0.0, 0.6),
    "classes_at_3pct": ("classes at 3 % or more", True, 0.0, 10.0),
    "smallest_class_share": ("share of the rarest class", True, 0.0, 0.06),
}


def params() -> dict:
    """The parameters that name what `build` writes."""
    seeds = list(range(10))
    few = seeds[:5]
    gan = {"algorithm": "gan"}
    return {
        "preset": "laptop",
        "protocol": 1,
        "tasks": {
            "two_gaussians": {
                "title": "Two Gaussians",
                "family": "gaussians",
                "seeds": seeds,
                "block": 5,
                "steps": 3000,
            },
            "vib_digits": {"title": "VIB on digits", "family": "labelled", "seeds": seeds, "block": 5, "steps": 2000},
            "digits8": {"title": "Digits 8x8", "family": "images", "seeds": seeds, "block": 5, "steps": 3000},
        },
        "methods": {
            "two_gaussians": {
                "none": {"title": "no bottleneck"},
                "i_c_10": {"title": "I_c = 10"},
                "i_c_1": {"title": "I_c = 1"},
                "i_c_0p1": {"title": "I_c = 0.1"},
            },
            "vib_digits": {"deterministic": {"algorithm": "vib"}, "vib": {"algorithm": "vib"}},
            "digits8": {name: dict(gan) for name in GANS},
        },
        "ablations": {
            "vib_digits": {
                "beta": {"method": "vib", "key": "bottleneck.beta", "values": BETAS, "seeds": few},
                "i_c": {"method": "vib", "key": "bottleneck.i_c", "values": [1.0, 10.0], "seeds": few},
            },
            "digits8": {"i_c": {"method": "vgan", "key": "bottleneck.i_c", "values": I_CS, "seeds": few}},
        },
        "report": {
            "baseline": {"two_gaussians": "none", "vib_digits": "deterministic", "digits8": "gan"},
        },
    }


def build(root: Path) -> dict:
    """Write the tree under root/results; returns the parameters."""
    settings = params()
    rng = np.random.default_rng(0)
    for name, i_c in {"none": None, "i_c_10": 10.0, "i_c_1": 1.0, "i_c_0p1": 0.1}.items():
        _gaussians(root, rng, name, i_c)
    for name, beta in [("deterministic", None), ("vib", 1e-3)]:
        _labelled(root, rng, name, None, beta, range(10))
    for value in BETAS:
        ablation = {"name": "beta", "key": "bottleneck.beta", "value": value, "of": "vib"}
        _labelled(root, rng, f"vib-beta-{float(value)}", ablation, value, range(5))
    for value in (1.0, 10.0):
        ablation = {"name": "i_c", "key": "bottleneck.i_c", "value": value, "of": "vib"}
        _labelled(root, rng, f"vib-i_c-{float(value)}", ablation, 1e-3, range(5), i_c=value)
    for place, name in enumerate(GANS):
        if name != MISSING:
            bottleneck = 0.1 if name.startswith("vgan") or name.endswith("vdb") else None
            _images(root, rng, name, None, 2 + (place * 5) % 13, bottleneck, range(10))
    for value in I_CS:
        ablation = {"name": "i_c", "key": "bottleneck.i_c", "value": value, "of": "vgan"}
        quality = 4 + 3 * abs(np.log10(value / 0.1))
        _images(root, rng, f"vgan-i_c-{float(value)}", ablation, quality, value, range(5))
    pd.DataFrame(
        [
            ["gan", "CIFAR-10", "GAN", "FID", 63.6, "", "", "false", "camera-ready, Figure 8 table"],
            ["gan", "CIFAR-10", "VGAN-GP", "FID", 18.1, "", "", "false", "camera-ready, Figure 8 table"],
            ["inverse_rl", "C-maze", "VAIRL", "transfer_return", -10.0, 2.2, 5, "true", "camera-ready, Figure 7 table"],
            ["imitation", "Run", "VAIL", "joint_rotation_error_rad", 0.13, 0.01, 3, "false", "camera-ready, Table 1"],
        ],
        columns=["domain", "task", "method", "metric", "mean", "std", "n_seeds", "higher_is_better", "source"],
    ).to_csv(root / "results/published.csv", index=False)
    return settings


def build_small(root: Path) -> dict:
    """Only the labelled task: two methods and three values of one ablation."""
    settings, rng, task = params(), np.random.default_rng(0), "vib_digits"
    for block in ("tasks", "methods", "ablations"):
        settings[block] = {task: settings[block][task]}
    settings["report"]["baseline"] = {task: "deterministic"}
    beta = settings["ablations"][task]["beta"] | {"values": BETAS[:3]}
    settings["ablations"][task] = {"beta": beta}
    _labelled(root, rng, "deterministic", None, None, range(10))
    _labelled(root, rng, "vib", None, 1e-3, range(10))
    for value in BETAS[:3]:
        ablation = {"name": "beta", "key": "bottleneck.beta", "value": value, "of": "vib"}
        _labelled(root, rng, f"vib-beta-{float(value)}", ablation, value, range(5))
    return settings


def edit(root: Path, task: str, folder: str, **changes) -> None:
    """Change top-level entries of one record."""
    path = root / "results/records" / task / folder / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def write(
    root,
    task,
    family,
    cell,
    ablation,
    seeds,
    steps,
    method_params,
    metrics,
    scores,
    curves,
    panels=None,
    status=None,
    references=None,
    manifest=None,
):
    """One record folder. metrics: name -> (label, higher_is_better, floor)."""
    seeds = list(seeds)
    folder = root / "results/records" / task / cell
    folder.mkdir(parents=True)
    record = {
        "schema": 2,  # the last one without a seal, so that a test may change what it likes
        "protocol": 1,
        "preset": "laptop",
        "task": task,
        "cell": cell,
        "method": ablation["of"] if ablation else cell,
        "family": family,
        "algorithm": "gan",
        "tier": "bit-exact",
        "ablation": ablation,
        "params": {"task": {"steps": steps, "seeds": seeds}, "method": method_params},
        "seeds": seeds,
        "blocks": [seeds[:5], seeds[5:]],
        "steps": steps,
        "training_key": "0" * 16,
        "scoring_key": "1" * 16,
        "data_hash": "2" * 16,
        "status": {str(seed): "finished" for seed in seeds} | (status or {}),
        "state_hashes": {"0": {"1": "ab"}},
        "metrics": {
            name: {
                "higher_is_better": up,
                "floor": floor,
                "label": label,
                "headline": place == 0,
                "manifest": "a1b2c3d4" if manifest else None,
            }
            for place, (name, (label, up, floor, *_)) in enumerate(metrics.items())
        },
        "manifests": {"a1b2c3d4": manifest} if manifest else {},
        "references": references or {},
    }
    (folder / "record.json").write_text(json.dumps(record))
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    pd.DataFrame([[task, cell, *row] for row in scores], columns=list(SCORE_COLUMNS)).to_csv(
        folder / "scores.csv", index=False, float_format="%.8g"
    )
    curves.to_csv(folder / "curves.csv", index=False, float_format="%.6g")
    if panels is not None:
        panels.to_csv(folder / "panels.csv", index=False, float_format="%.6g")
    return folder


def _logs(rng, seeds, steps, i_c, beta):
    """Plausible curves: KL overshoots, then settles on i_c (or on 3 nat where it is slack)."""
    step = np.linspace(1, steps, 50).astype(int)
    rows = []
    for seed in seeds:
        t = np.linspace(0, 1, 50)

        def noise(scale):
            return scale * rng.normal(size=50)

        frame = {
            "seed": seed,
            "step": step,
            "loss_critic": 1.2 + 0.15 * np.exp(-4 * t) + noise(0.02),
            "loss_generator": 0.8 + 0.3 * t + noise(0.05),
            "accuracy": np.clip(0.95 - 0.3 * t + noise(0.02), 0, 1),
        }
        if i_c is not None:
            goal = min(i_c, 1.2)
            frame["kl"] = goal * (1 + 2 * np.exp(-6 * t) * np.sin(9 * t)) * np.exp(noise(0.03))
            frame["beta"] = np.clip(0.3 * (1 - np.exp(-5 * t)) * (i_c <= 1.2) + noise(0.004), 0, 9)
        elif beta is not None:
            frame["kl"] = 8 / (1 + 50 * beta) * (1 - np.exp(-8 * t)) + noise(0.02)
            frame["beta"] = np.full(50, beta)
        rows.append(pd.DataFrame(frame))
    return pd.concat(rows)


def _gaussians(root, rng, name, i_c):
    seeds, slope = range(10), {None: 9.0, 10.0: 8.0, 1.0: 2.2, 0.1: 0.9}[i_c]
    kl = min(i_c or 6.0, 5.0)
    level = {
        "far_gradient_log_1_minus_d": 0.2 / slope,
        "far_gradient_log_d": slope,
        "slope_at_0": slope / 4,
        "max_slope": slope / 3.5,
        "d_at_0": 0.5,
        "d_at_plus_2": 1 / (1 + np.exp(-2 * slope)),
        "d_at_minus_2": 1 / (1 + np.exp(2 * slope)),
        "kl": kl,
        "bound_many_dims": 1 / (1 + np.exp(-4 * kl)),
        "bound_one_dim": 1 / (1 + np.exp(-2 * np.expm1(2 * kl))),
    }
    metrics = {key: (key.replace("_", " "), True if key.startswith("far") else None, 0.0) for key in level}
    scores = [[seed, 3000, key, value * (1 + 0.04 * rng.normal())] for seed in seeds for key, value in level.items()]
    x = np.linspace(-4, 4, 81)
    panels = pd.concat(
        pd.DataFrame({
            "seed": seed,
            "panel": "D(x)",
            "x": x,
            "y": 1 / (1 + np.exp(-slope * (1 + 0.1 * rng.normal()) * x)),
        })
        for seed in seeds
    )
    bottleneck = None if i_c is None else {"i_c": i_c, "k": 32}
    write(
        root,
        "two_gaussians",
        "gaussians",
        name,
        None,
        seeds,
        3000,
        {"bottleneck": bottleneck},
        metrics,
        scores,
        _logs(rng, seeds, 3000, i_c, None),
        panels,
    )


def _labelled(root, rng, name, ablation, beta, seeds, i_c=None):
    error = 2.5 if beta is None else 2.0 + 0.25 * (np.log10(beta) + 3) ** 2
    metrics = {
        "error_12_codes": ("test error, 12 codes (%)", False, 90.0),
        "error_1_code": ("test error, 1 code (%)", False, 90.0),
        "train_error": ("train error (%)", False, 90.0),
        "kl": ("KL(x) (nat)", False, 99.0),
    }
    scores = []
    for seed in seeds:
        shared = 0.15 * np.random.default_rng(seed).normal()
        for step in (200, 500, 1000, 2000):
            e = error * (1 + 600 / step / 6) + shared + 0.08 * rng.normal()
            kl = i_c or 8 / (1 + 50 * (beta or 0))
            values = {"error_12_codes": e, "error_1_code": e + 0.2, "train_error": e / 8, "kl": kl}
            scores += [[seed, step, key, value] for key, value in values.items()]
    bottleneck = None if beta is None else {"beta": beta} | ({"i_c": i_c} if i_c else {})
    write(
        root,
        "vib_digits",
        "labelled",
        name,
        ablation,
        seeds,
        2000,
        {"bottleneck": bottleneck},
        metrics,
        scores,
        _logs(rng, seeds, 2000, i_c, beta),
    )


def _images(root, rng, name, ablation, quality, i_c, seeds):
    scores, status = [], {}
    for seed in seeds:
        shared = 0.1 * np.random.default_rng(seed).normal()
        dead = name == DIVERGED and seed == 3
        for step in range(500, 3001, 500):
            if dead and 512 < step < 3000:
                continue
            factor = np.exp(shared + 0.08 * rng.normal()) * (1 + 3000 / step / 4)
            for key, (_, up, floor, typical) in IMAGE_METRICS.items():
                value = typical / factor * 1.25 if up else typical * factor * quality / 5
                value = min(value, 10.0) if up else value
                scores.append([seed, step, key, floor if dead and step == 3000 else value])
        if dead:
            status["3"] = "diverged at step 512"
    manifest = {
        "encoder": "digits-cnn",
        "weights": "d" * 16,
        "resize": "none",
        "range": "uint8",
        "n_real": 597,
        "n_fake": 597,
        "split": "test",
        "dtype": "float64",
        "data": "e" * 16,
    }
    folder = write(
        root,
        "digits8",
        "images",
        name,
        ablation,
        seeds,
        3000,
        {"loss": "non_saturating", "bottleneck": {"i_c": i_c} if i_c else None},
        IMAGE_METRICS,
        scores,
        _logs(rng, seeds, 3000, i_c, None),
        None,
        status,
        {"frechet_digits-cnn": {"train-test floor": 1.7}},
        manifest,
    )
    pixels = rng.integers(0, 256, size=(8 * 10, 10 * 10)).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    (folder / "sheet.png").write_bytes(buffer.getvalue())
