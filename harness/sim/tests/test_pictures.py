"""Pictures: where a body is bright, how much of a pixel is covered, and that they follow from an observation alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.errors import BenchError
from harness.sim import bodies
from harness.sim.characters import Flat, Humanoid
from harness.sim.motions import motion
from harness.sim.pictures import GROUND, LOW, METRES, SHADES, Raster
from harness.sim.recordings import recording

CPU = torch.device("cpu")
BODY = Flat()


def seen(n=6, clip="march"):
    found = motion(recording(clip), BODY)
    time = np.linspace(0, found.length, n, endpoint=False)
    kin = BODY.forward(*found.at(time))
    return kin, torch.as_tensor(BODY.observe(kin, found.phase(time))).float()


def test_the_ends_of_the_shapes_are_where_the_kinematics_have_them():
    kin, observations = seen()
    raster = Raster(BODY, 32, CPU)
    found = raster.segments(observations)
    for i, k in enumerate(raster.of.tolist()):
        ends = [raster.ends[i, e].numpy() for e in range(2)]
        expected = np.stack([kin.place[:, k] + BODY.offset(kin, [k], end)[:, 0] for end in ends], 1)
        expected[..., 0] -= kin.place[:, :1, 0]
        np.testing.assert_allclose(found[:, i], expected, atol=1e-5)
    assert len(raster.of) == sum(len(part.shapes) for part in bodies.PARTS) == 15


def test_bright_where_the_body_is_and_the_ground_below():
    """Standing: the head in the middle above, dark beside it; the lower edge is the ground."""
    _, observations = seen(1, "squat")
    picture = Raster(BODY, 64, CPU)(observations)[0]
    assert picture.shape == (64, 64) and picture.min() >= 0 and picture.max() <= 1

    def at(x, z):
        return picture[int((LOW + METRES - z) / METRES * 64), int((x + METRES / 2) / METRES * 64)]

    head = 0.421546 + 0.40987 + 0.05 + 0.236151 + 0.223894 + 0.175
    assert at(0, head) == pytest.approx(SHADES[1]) and at(0.3, head) == 0 and at(-0.3, head) == 0
    assert at(0, 0.2) == pytest.approx(SHADES[2]) and at(0.8, -0.1) == pytest.approx(GROUND)


def test_a_pixel_is_as_bright_as_it_is_covered():
    """Against averaged pictures sixteen times as fine: little in the mean, more at the tips of thin limbs alone."""
    _, observations = seen(4)
    small = Raster(BODY, 32, CPU)(observations)
    fine = Raster(BODY, 512, CPU)(observations).view(4, 32, 16, 32, 16).mean((2, 4))
    assert (small - fine).abs().mean() < 0.006 and (small - fine).abs().max() < 0.45


def test_each_picture_is_drawn_alone_and_only_the_flat_body_is():
    _, observations = seen(40)
    raster = Raster(BODY, 16, CPU)
    torch.testing.assert_close(raster(observations.view(2, 20, -1))[1, 3], raster(observations[23:24])[0])
    with pytest.raises(BenchError, match="only the flat body"):
        Raster(Humanoid(), 16, CPU)
