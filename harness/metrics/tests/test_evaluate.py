"""One evaluation of digits, whole: exact N, pixels, seeds as an axis, floors, manifests, panels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.contracts import BenchError
from harness.metrics import reference
from harness.metrics.distances import Reference, extrapolate, frechet, moments
from harness.metrics.evaluate import evaluate, manifest_id
from harness.metrics.frechet import PANEL, sizes
from harness.metrics.image_evaluation import CHUNK, ImageEvaluation, to_uint8
from harness.metrics.tests.conftest import Copies, DigitsTask
from harness.run.seeds import CounterDraws


@pytest.fixture(scope="module")
def task():
    return DigitsTask()


@pytest.fixture(scope="module")
def result(task, encoder):
    """Two seeds: copies of training digits, and the same with noise."""
    return evaluate(task, Copies(task, (0.0, 0.5)), CounterDraws((0, 1), "test", lookahead=1), encoder)


def test_pixels_are_rounded_by_no_images_own_range():
    """Pixels are round(255 clip((x + 1) / 2, 0, 1)); levels survive the way to [-1, 1] and back."""
    x = torch.tensor([-3.0, -1.0, -0.999, 0.0, 0.5, 0.998, 1.0, 7.0])
    assert to_uint8(x).tolist() == [0, 0, 0, 128, 191, 255, 255, 255]
    levels = torch.arange(256)
    assert torch.equal(to_uint8(levels / 127.5 - 1), levels.byte())
    assert to_uint8(0.1 * x)[1] == round(255 * 0.45)


@pytest.mark.parametrize("n", [33, CHUNK, CHUNK + 1, 1234])
def test_exactly_n_images_are_generated(n, encoder, draws):
    asked = []

    class Outputs:
        def images(self, draws, first, n):
            asked.append((first, n))
            return torch.zeros(2, n, 1, 8, 8)

    images = ImageEvaluation(DigitsTask(n), Outputs(), draws, encoder).images
    assert images.shape == (2, n, 1, 8, 8) and sum(k for _, k in asked) == n
    assert [first for first, _ in asked] == list(range(0, n, CHUNK))


def test_frechet_is_that_of_the_features(task, result, encoder):
    score = result.scores["frechet_digits-cnn"]
    draws = CounterDraws((0, 1), "test", lookahead=1)
    evaluation = ImageEvaluation(task, Copies(task, (0.0, 0.5)), draws, encoder)
    real = Reference(moments(encoder.features(task.test_images)))
    for images, value in zip(evaluation.images, score.values):
        fake = moments(encoder.features(images))
        assert frechet(real, fake.mean, fake.cov) == pytest.approx(value, rel=1e-12)
    assert score.headline and not score.higher_is_better
    assert 0 < score.values[0] < score.values[1] < score.floor


def test_halves_are_scored_only_if_asked_for_and_each_against_its_own_reals(task, result, encoder):
    assert not any(name.startswith("half") for name in result.scores)
    halved = DigitsTask()
    halved.metrics, halved.params.score.halves = ("frechet", "halves"), True
    draws = CounterDraws((0, 1), "test", lookahead=1)
    found = evaluate(halved, Copies(task, (0.0, 0.5)), draws, encoder, endpoint=False)
    evaluation = ImageEvaluation(task, Copies(task, (0.0, 0.5)), draws, encoder)
    parts, all_reals = [task.test_images[0::2], task.test_images[1::2]], result.scores["frechet_digits-cnn"].values
    for half, reals in enumerate(parts):
        score = found.scores[f"half_{half}_frechet_digits-cnn"]
        real = Reference(moments(encoder.features(reals)))
        for features, value, whole in zip(evaluation.features, score.values, all_reals):
            fake = moments(features)
            assert frechet(real, fake.mean, fake.cov) == pytest.approx(value, rel=1e-9)
            assert value != pytest.approx(whole, rel=1e-3)
        assert not score.headline and not score.higher_is_better and score.floor > max(score.values)
        assert score.manifest["n_real"] == len(reals) and score.manifest["half"] == half
    assert sum(map(len, parts)) == len(task.test_images) and len({len(part) for part in parts}) == 2


def test_scores_are_worked_out_in_float32_whatever_torch_would_do_by_itself(task, encoder):
    seen = []

    class Watched(Copies):
        def images(self, draws, first, n):
            seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic))
            return super().images(draws, first, n)

    with torch.backends.cudnn.flags(enabled=True, deterministic=False, allow_tf32=True):  # torch's own settings
        evaluate(task, Watched(task, (0.5,)), CounterDraws((1,), "test", lookahead=1), encoder, endpoint=False)
    assert set(seen) == {(False, True)}


def test_one_seed_is_a_stack_of_one(task, result, encoder):
    alone = evaluate(task, Copies(task, (0.5,)), CounterDraws((1,), "test", lookahead=1), encoder)
    for name, score in alone.scores.items():
        assert score.values[0] == result.scores[name].values[1], name


def test_every_metric_of_copies_and_noise(result):
    """Copies are near, varied and recognisably copies; noise lowers precision and not recall."""
    of = {name: score.values for name, score in result.scores.items()}
    assert of["nearest_train_ratio"][0] == 0 < of["nearest_train_ratio"][1]
    assert of["precision_digits-cnn"][0] > of["precision_digits-cnn"][1]
    assert of["kid_digits-cnn"][0] < of["kid_digits-cnn"][1]
    assert of["classes_at_3pct"][0] == 10 and 0.03 < of["smallest_class_share"][0] < 0.1
    assert {"recall_digits-cnn", "density_digits-cnn", "coverage_digits-cnn", "frechet_inf_digits-cnn"} < of.keys()


def test_real_images_score_at_the_train_test_floor(result):
    """Copies of training digits (drawn with repetition) and a training subset without: about alike."""
    score = result.scores["frechet_digits-cnn"]
    assert score.values[0] == pytest.approx(score.references["train-test floor, N = 597"], rel=0.5)


def test_a_collapsed_or_broken_seed_counts_at_the_floor(task, encoder):
    class Outputs(Copies):
        def images(self, draws, first, n):
            x = super().images(draws, first, n)
            x[1] = 0.7 + 1e-4 * x[1]
            x[2, 0, 0, 0, 0] = float("nan")
            return x

    draws = CounterDraws((0, 1, 2), "test", lookahead=1)
    found = evaluate(task, Outputs(task, (0.1, 0.1, 0.1)), draws, encoder, endpoint=False)
    assert found.collapsed.tolist() == [False, True, True]
    for name, score in found.scores.items():
        assert score.values[0] != score.floor or name == "classes_at_3pct", name
        assert (score.values[1:] == score.floor).all(), name


def test_the_floor_is_a_constant_image(task, encoder):
    """|mu_r - phi(grey)|^2 + tr S_r, and the task's own image where it gives one."""
    real = moments(encoder.features(task.test_images))

    def floor(image):
        return np.square(real.mean - encoder.features(image)[0]).sum() + np.trace(real.cov)

    assert reference.RealSide(task, encoder).floor == pytest.approx(
        floor(np.full((1, 1, 8, 8), 128, np.uint8)), rel=1e-9
    )
    other = DigitsTask()
    other.floor_image = lambda: np.zeros((1, 1, 8, 8), np.uint8)
    assert reference.RealSide(other, encoder).floor == pytest.approx(floor(np.zeros((1, 1, 8, 8), np.uint8)), rel=1e-9)


def test_too_few_samples_are_refused_before_training(encoder):
    task = DigitsTask(32)
    with pytest.raises(BenchError, match="N = 32 .* d = 32"):
        reference.real_side(task, encoder)
    assert reference.real_side(task, encoder, allow_few=True).manifest()["few_samples"] == "allowed"
    with pytest.raises(BenchError, match="3 neighbours need at least 4 samples on each side, got 3"):
        reference.real_side(DigitsTask(3), encoder, allow_few=True)


def test_manifests_say_what_was_measured(result, task, encoder):
    shown = result.manifests[result.manifest_ids["frechet_digits-cnn"]]
    assert shown == encoder.manifest() | {
        "n_real": 597,
        "n_fake": 597,
        "split": "test",
        "dtype": "float64",
        "data": task.data_hash,
        "range": "uint8",
    }
    assert all(manifest_id(m) == i and len(i) == 8 for i, m in result.manifests.items())
    # Another number of samples is another measure, and so is a kernel or a neighbour count.
    few = evaluate(DigitsTask(300), Copies(task, (0.5,)), CounterDraws((1,), "test", lookahead=1), encoder, False)
    assert few.manifest_ids["frechet_digits-cnn"] != result.manifest_ids["frechet_digits-cnn"]
    assert result.manifest_ids["kid_digits-cnn"] != result.manifest_ids["frechet_digits-cnn"]


def test_the_panel_and_its_limit_belong_to_the_endpoint(result, task, encoder):
    ((name, x, y),) = result.panels
    score = result.scores["frechet_digits-cnn"].values
    assert name == PANEL and x.shape == (12,) and y.shape == (2, 12) and x[-1] == 1 / 597
    # The last size is all samples, in another order.
    np.testing.assert_allclose(y[:, -1], score, rtol=1e-9)
    limits = [extrapolate(1 / x, row).limit for row in y]
    np.testing.assert_allclose(result.scores["frechet_inf_digits-cnn"].values, limits)
    assert (y[:, 0] > y[:, -1]).all()  # the bias is positive: fewer samples look worse
    midway = evaluate(task, Copies(task, (0.5,)), CounterDraws((1,), "test", lookahead=1), encoder, endpoint=False)
    assert not midway.panels and midway.sheet is None and "frechet_inf_digits-cnn" not in midway.scores


def test_sizes_leave_room_for_a_covariance():
    assert sizes(50_000, 2048)[0] == 5000 and sizes(50_000, 2048)[-1] == 50_000 and len(sizes(50_000, 2048)) == 12
    assert sizes(597, 32)[0] == 64
    assert sizes(100, 32) == ()


def test_evaluation_moves_no_training_draw(task, encoder):
    """Training draws the same numbers, whether or not something was evaluated in between."""

    def trained(evaluated):
        draws = CounterDraws((0, 1), "test")
        numbers = []
        for step in range(3):
            draws.step = step
            numbers.append(draws.normal("latent", "z", (4,)))
            if evaluated and step == 1:
                evaluate(task, Copies(task, (0.1, 0.1)), draws.at(step), encoder, endpoint=False)
        return torch.stack(numbers)

    assert torch.equal(trained(True), trained(False))


def test_scratch_holds_features_under_a_hash_of_all_that_made_them(tmp_path, encoder, monkeypatch):
    task = DigitsTask()
    first = reference.RealSide(task, encoder, scratch=tmp_path)
    assert len(list(tmp_path.rglob("*.npy"))) == 1
    monkeypatch.setattr(encoder, "forward", None)  # a second pass would fail
    np.testing.assert_array_equal(reference.RealSide(task, encoder, scratch=tmp_path).features, first.features)
    monkeypatch.undo()
    task.test_images = 255 - task.test_images
    assert not np.array_equal(reference.RealSide(task, encoder, scratch=tmp_path).features, first.features)


def test_damaged_features_are_named(tmp_path, encoder):
    task = DigitsTask()
    reference.RealSide(task, encoder, scratch=tmp_path)
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BenchError, match="is damaged: delete it"):
        reference.RealSide(task, encoder, scratch=tmp_path)


def test_the_sheet_shows_neighbours_below_samples(result):
    import io

    from PIL import Image

    picture = np.array(Image.open(io.BytesIO(result.sheet)))
    assert len(result.sheet) <= 60_000
    above, below = picture[:24, :24], picture[26:50, :24]
    np.testing.assert_array_equal(above, below)  # the first seed makes copies


def test_large_sheets_stay_small(uint8):
    from harness.metrics.sheet import BYTES, sheet

    images = uint8(1, 3, 3, 128, 128)
    assert len(sheet(images, images[0])) <= BYTES
