"""Encoders: the same features whatever the caller's batch, the right weights or a clear refusal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.contracts import BenchError
from harness.metrics.encoders import base, child_process, digits_cnn, inception_v3_fid
from harness.metrics.encoders.catalogue import NAMES, load
from harness.metrics.encoders.digits_cnn import DigitsCNN
from harness.metrics.encoders.efficientnet_lite0 import EfficientNetLite0
from harness.metrics.encoders.inception_v3_fid import InceptionV3Fid
from harness.metrics.encoders.vdb_legacy import SCALE, SHIFT, VdbLegacy
from harness.metrics.tests.conftest import DigitsTask


def test_digits_classes_size_and_hash(tmp_path):
    task, weights = DigitsTask(), tmp_path / "digits-cnn.npz"
    saved = digits_cnn.save(weights, digits_cnn.train(task.train_images, task.train_labels))
    encoder = DigitsCNN(str(weights))
    right = encoder.classes(encoder.features(task.test_images)) == task.test_labels
    assert right.mean() >= 0.97
    assert weights.stat().st_size < 60_000
    assert encoder.manifest()["weights"] == saved == base.sha256(weights)


def test_digits_features_are_standardised_on_the_training_digits(encoder):
    features = encoder.features(DigitsTask().train_images)
    assert features.shape == (1200, 32) and features.dtype == np.float32
    # All that is stored has the 11 bits of float16; means reach a few standard deviations before the shift.
    np.testing.assert_allclose(features.mean(0), 0, atol=5e-3)
    np.testing.assert_allclose(features.std(0, ddof=1), 1, rtol=5e-3)


def test_digits_training_is_deterministic(monkeypatch, tmp_path):
    monkeypatch.setattr(digits_cnn, "EPOCHS", 1)
    task = DigitsTask()
    hashes = []
    for seed in (0, 1):
        torch.manual_seed(seed)  # the global generator has no say
        path = tmp_path / f"{seed}.npz"
        hashes.append(digits_cnn.save(path, digits_cnn.train(task.train_images[:120], task.train_labels[:120])))
    assert hashes[0] == hashes[1]


def test_features_do_not_depend_on_the_batch(encoder):
    images = DigitsTask().test_images[:130]
    whole = encoder.features(images)
    pieces = np.concatenate([encoder.features(images[i : i + 7]) for i in range(0, 130, 7)])
    np.testing.assert_array_equal(whole, pieces)
    np.testing.assert_array_equal(encoder.features(images[::-1])[::-1], whole)


def test_only_the_declared_kind_of_pixels(encoder):
    with pytest.raises(BenchError, match="requires uint8"):
        encoder.features(np.zeros((2, 1, 8, 8), np.float32))
    with pytest.raises(BenchError, match="1 x 8 x 8"):
        encoder.features(np.zeros((2, 3, 8, 8), np.uint8))


def test_efficientnet_is_pooled_antialiased_and_batch_independent(uint8):
    encoder = EfficientNetLite0()
    encoder.batch = 4
    images = uint8(5, 3, 32, 32)
    whole = encoder.features(images)
    assert whole.shape == (5, 1280) and (whole >= 0).all() and whole.std() > 0
    np.testing.assert_array_equal(encoder.features(images[4:]), whole[4:])
    # A checkerboard of single pixels becomes grey by antialiasing; taking every third pixel would keep it.
    board = np.indices((288, 288)).sum(0) % 2 * 255
    grey, fine, kept = (
        encoder.features(np.broadcast_to(image, (1, 3, *image.shape)).astype(np.uint8))
        for image in (np.full((288, 288), 127), board, board[::3, ::3])
    )
    assert np.abs(fine - grey).mean() < 0.2 * np.abs(kept - grey).mean()


@pytest.mark.parametrize("encoder_class", [InceptionV3Fid, EfficientNetLite0])
def test_a_wrong_hash_is_refused(encoder_class, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"x": torch.zeros(1)}, path)
    with pytest.raises(BenchError, match=rf"{path} does not hold the weights of {encoder_class.name} ") as caught:
        encoder_class(str(path))
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_weights(tmp_path):
    with pytest.raises(BenchError, match="bench prepare"):
        DigitsCNN()
    with pytest.raises(BenchError, match="cannot read"):
        DigitsCNN(str(tmp_path / "none.npz"))
    text = tmp_path / "text"
    text.write_text("no weights")
    with pytest.raises(BenchError, match="does not hold the weights"):
        DigitsCNN(str(text))
    with pytest.raises(BenchError, match="inception_v3_google"):
        VdbLegacy()
    with pytest.raises(BenchError, match="not a state dict"):
        VdbLegacy(str(text))
    torch.save({"x": torch.zeros(1)}, text)
    with pytest.raises(BenchError, match="not torchvision's Inception"):
        VdbLegacy(str(text))


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """torch-fidelity's net with random weights and statistics that matter, as (its extractor, our file)."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Theirs

    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    generator = torch.Generator().manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "load", lambda *_, **__: {})
        patch.setattr(Theirs, "load_state_dict", lambda *_: None)
        theirs = Theirs("inception-v3-compat", ["2048"], feature_extractor_weights_path="none")
    for name, value in theirs.state_dict().items():
        if name.endswith("conv.weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
        elif name.endswith(("bn.weight", "running_var")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith(("bn.bias", "running_mean")):
            value.normal_(0, 0.1, generator=generator)
    torch.save(theirs.state_dict(), path)
    return theirs, str(path)


@pytest.fixture
def any_weights(monkeypatch):
    """The file's hash is not asked for, and the features are made in this process."""
    monkeypatch.setattr(inception_v3_fid, "verify_sha256", lambda path, *_: base.sha256(path))
    monkeypatch.setattr(child_process, "is_limited", lambda: False)


def test_inception_is_torch_fidelitys(inception, any_weights, uint8):
    """Folded, channels last and resized by another operation: the same features to 1e-5."""
    theirs, weights = inception
    ours = InceptionV3Fid(weights)
    ours.batch = 2
    for images in (uint8(2, 3, 32, 32), uint8(1, 3, 320, 300)):
        expected = theirs(torch.from_numpy(images))[0].numpy()
        found = ours.features(images)
        assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in ours.net.modules())


def test_the_fast_resize_is_tensorflows():
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as theirs

    board = torch.from_numpy(np.indices((33, 40)).sum(0) % 2 * 255.0).float().expand(1, 3, -1, -1)
    for x in (board, board[..., :32, :32], board.repeat(1, 1, 12, 12)):
        expected = theirs(x, size=(299, 299), align_corners=False)
        torch.testing.assert_close(inception_v3_fid.resize(x), expected, rtol=0, atol=255 * 1e-5)


def test_bfloat16_is_another_metric(inception, any_weights, uint8):
    _, weights = inception
    exact, rough = InceptionV3Fid(weights), InceptionV3Fid(weights, precision="bfloat16")
    exact.batch = rough.batch = 1
    a, b = (encoder.features(uint8(1, 3, 32, 32)) for encoder in (exact, rough))
    assert b.dtype == np.float32 and 1e-4 < np.linalg.norm(a - b) / np.linalg.norm(a) < 0.05
    assert rough.manifest() == exact.manifest() | {"precision": "bfloat16"}
    with pytest.raises(BenchError, match="digits-cnn does not support precision 'bfloat16': use float32"):
        load("digits-cnn", "any", precision="bfloat16")


def test_a_heavy_encoder_runs_apart_where_this_process_is_held_back(legacy, monkeypatch):
    """A child without the limits: the same features as here, whatever it prints; a dead one gets one line."""
    images = np.linspace(-1, 1, 2 * 3 * 16 * 16, dtype=np.float32).reshape(2, 3, 16, 16)
    for name in child_process.LIMITS:
        monkeypatch.delenv(name, raising=False)
    here = VdbLegacy(str(legacy.path))
    expected = here.features(images)
    assert here.child is None
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    there = VdbLegacy(str(legacy.path))
    assert there.instructions == "all" and not set(child_process.LIMITS) & child_process.unlimited_environment().keys()
    for _ in range(2):
        found = there.features(images)
        assert found.shape == (2, 2048) and np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)
    there.child.process.kill()
    with pytest.raises(BenchError, match="encodes with vdb-legacy ended with status -9"):
        there.features(images)
        there.features(images)


def test_no_network_is_one_clear_line(monkeypatch, tmp_path):
    import torch_fidelity.feature_extractor_inceptionv3 as theirs

    monkeypatch.setattr(theirs, "URL_INCEPTION_V3", "http://127.0.0.1:9/weights.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(
        BenchError, match="cannot download its weights .* set encoder_weights to a copy of weights.pth"
    ) as caught:
        InceptionV3Fid()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def legacy(tmp_path_factory):
    """The legacy protocol with random weights."""
    from torchvision.models import inception_v3

    path = tmp_path_factory.mktemp("legacy") / "inception.pth"
    torch.manual_seed(0)
    torch.save(inception_v3(weights=None, init_weights=False).state_dict(), path)
    encoder = VdbLegacy(str(path))
    encoder.batch = 1
    encoder.child = None  # in this process, though it is held back
    return encoder


def test_legacy_applies_torchvisions_affine_to_minus_1_to_1(legacy):
    """Its affine undoes ImageNet's standardising: on standardised images it gives 2 x - 1, x in [0, 1]."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose((x - mean) / std * torch.tensor(SCALE) + torch.tensor(SHIFT), 2 * x - 1, atol=1e-6)
    seen = []
    net, legacy.net = legacy.net, lambda x: seen.append(x) or torch.zeros(len(x), 2048)
    legacy.features(np.full((1, 3, 32, 32), -1.0, np.float32))
    legacy.net = net
    assert seen[0].shape == (1, 3, 299, 299)
    # A black image: half the contrast of the -1 that the net was trained on.
    np.testing.assert_allclose(seen[0][0, :, 150, 150], [-0.458 - 0.030, -0.448 - 0.088, -0.450 - 0.188], atol=1e-3)


def test_legacy_sample_counts_and_reals(legacy, uint8):
    class Task:
        train_images, data_hash = uint8(200, 3, 4, 4), "0" * 16

    reals = legacy.reals(Task)
    assert legacy.n_fake == 5056 and reals.shape == (9984, 3, 4, 4) and reals.dtype == np.float32
    # U(0, 1)/128 above a pixel value that is also there unmirrored or mirrored.
    values = Task.train_images.astype(np.float32) / 127.5 - 1
    known = np.concatenate([values, values[..., ::-1]]).reshape(400, -1)
    gaps = (reals[:64].reshape(64, 1, -1) - known).min(2)
    noise = np.array([g[np.abs(g).argmin()] for g in gaps])
    assert ((noise > -1e-6) & (noise < 1 / 128)).all()
    # 64 of one batch are distinct images, and over the batches images repeat.
    owners = [np.abs(r.reshape(-1) - known).mean(1).argmin() % 200 for r in reals[:128]]
    assert len(set(owners[:64])) == 64 and len(set(owners)) < 128


def test_legacy_features_and_manifest(legacy):
    assert legacy.features(np.zeros((1, 3, 32, 32), np.float32)).shape == (1, 2048)
    assert legacy.manifest()["range"] == "float32" and legacy.manifest()["split"] == "train"


def test_an_unknown_name_lists_the_known():
    with pytest.raises(BenchError, match=", ".join(NAMES)):
        load("inception")


def test_torch_fidelity_gives_the_same_distance(weights, encoder):
    """Its own FID, through its registry, on our features."""
    import torch_fidelity

    from harness.metrics.distances import Reference, frechet, moments
    from harness.metrics.encoders.fidelity import register

    register("digits-cnn")
    task = DigitsTask()
    sets = [torch.from_numpy(images) for images in (task.test_images[:120], task.train_images[:120])]

    class Images(torch.utils.data.Dataset):
        def __init__(self, images):
            self.images = images

        def __len__(self):
            return len(self.images)

        def __getitem__(self, i):
            return self.images[i]

    theirs = torch_fidelity.calculate_metrics(
        input1=Images(sets[0]),
        input2=Images(sets[1]),
        fid=True,
        feature_extractor="digits-cnn",
        feature_extractor_weights_path=str(weights),
        cuda=False,
        verbose=False,
        save_cpu_ram=True,
        cache=False,
        batch_size=50,
    )["frechet_inception_distance"]
    a, b = (moments(encoder.features(s.numpy())) for s in sets)
    # Its eigenvalues are of the unsymmetric product, good to about 1e-8 here.
    assert frechet(Reference(a), b.mean, b.cov) == pytest.approx(theirs, rel=1e-5)
