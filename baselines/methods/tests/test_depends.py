"""What a cell's key holds of baselines/parts: what the cell runs, and nothing else."""

import pytest

from harness.plan.keys import code_key

KINDS = ("images", "convolutional", "residual", "stacked_convolution")
IMAGES = {f"nets/{name}" for name in KINDS} | {"fast/maps", "fast/convolve"}


def parts(family: str, algorithm: str) -> set[str]:
    root = "baselines/parts/"
    files = code_key(family, algorithm)["files"]
    return {name.removeprefix(root).removesuffix(".py") for name in files if name.startswith(root)}


def rooms(family: str, algorithm: str) -> set[str]:
    return {name.split("/")[0] for name in parts(family, algorithm)}


@pytest.mark.parametrize(
    ("family", "algorithm"),
    [("gaussians", "critic"), ("labelled", "vib"), ("maze", "imitation"), ("tabular", "cloning")],
)
def test_what_sees_no_images_depends_on_no_nets_for_images(family: str, algorithm: str) -> None:
    assert not parts(family, algorithm) & IMAGES


def test_what_sees_images_does() -> None:
    assert parts("images", "gan") >= IMAGES


def test_rooms_apart() -> None:
    """No policy without actions, and no discriminator without an expert."""
    for family, algorithm in (("gaussians", "critic"), ("labelled", "vib"), ("images", "gan")):
        assert "control" not in rooms(family, algorithm)
    for algorithm in ("cloning", "random_policy", "true_reward"):
        assert "adversarial" not in rooms("maze", algorithm)
