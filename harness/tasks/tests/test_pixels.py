import pickle

import numpy as np
import pytest
import torch

from harness.contracts import BenchError
from harness.run.seeds import CounterDraws
from harness.tasks.data_cifar import cifar10
from harness.tasks.data_decode import decode
from harness.tasks.data_digits import digits
from harness.tasks.data_files import ImageFile
from harness.tasks.data_folder import image_folder
from harness.tasks.pixels import Pixels, augment, hold_out
from harness.tasks.tests.made import encoded, noise, write_folder, write_zip

SET = {
    "train/cat/1.png": encoded(noise(0)),
    "train/dog/2.PNG": encoded(noise(1)),
    "test/dog/3.png": encoded(noise(2)),
}


# --- sets -------------------------------------------------------------------------------------


def test_digits():
    from sklearn.datasets import load_digits

    source = load_digits()
    order = np.random.RandomState(0).permutation(1797)
    data = digits()
    assert data.train_images.shape == (1200, 1, 8, 8) and data.test_images.shape == (597, 1, 8, 8)
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    # Rounding to 255 levels is undone exactly, as neighbouring ink counts are 15.9 levels apart.
    np.testing.assert_array_equal(np.rint(images[:, 0] * (16 / 255)), source.images[order])
    np.testing.assert_array_equal(labels, source.target[order])
    assert images.min() == 0 and images.max() == 255 and labels.dtype == np.int64
    assert data.data_hash == "772b0e9fb611e73e"


def test_hash_sees_pixels_labels_shape_and_the_cut():
    images, labels = np.arange(48, dtype=np.uint8).reshape(3, 1, 4, 4), np.array([0, 1, 2])
    changed = images.copy()
    changed[2, 0, 3, 3] ^= 1
    hashes = [
        Pixels(x[:cut], y, x[cut:], None).data_hash
        for x, y, cut in [
            (images, labels, 2),
            (changed, labels, 2),
            (images, labels[::-1], 2),
            (images, None, 2),
            (images.reshape(3, 1, 2, 8), labels, 2),
            (images, labels, 1),
        ]
    ]
    assert len(set(hashes)) == len(hashes) and all(len(h) == 16 for h in hashes)
    assert Pixels(images[:2].copy(), labels, images[2:], None).data_hash == hashes[0]


def test_hold_out():
    train, test = hold_out(10, 3)
    assert len(train) == 7 and sorted([*train, *test]) == list(range(10))
    for n_test in (-1, 10):
        with pytest.raises(BenchError, match="use 0 to 9"):
            hold_out(10, n_test)


def test_cifar_in_torchvisions_layout(tmp_path, monkeypatch):
    import hashlib

    from torchvision.datasets import CIFAR10

    with pytest.raises(BenchError, match="no complete cifar-10-batches-py/ in .*set root to"):
        cifar10(tmp_path)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    rows = np.random.RandomState(0).randint(0, 256, (2, 3072)).astype(np.uint8)

    def write(name, content):
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return hashlib.md5(data).hexdigest()

    batch = write("one", {"data": rows, "labels": [3, 1]})
    meta = write("meta", {"label_names": ["plane", "car", "bird", "cat"]})
    monkeypatch.setattr(CIFAR10, "train_list", [["one", batch], ["one", batch]])
    monkeypatch.setattr(CIFAR10, "test_list", [["one", batch]])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": "meta", "key": "label_names", "md5": meta})
    data = cifar10(tmp_path)
    # The file's rows are C, H, W already.
    np.testing.assert_array_equal(data.test_images, rows.reshape(2, 3, 32, 32))
    assert data.train_labels.tolist() == [3, 1, 3, 1] and data.classes[3] == "cat"


# --- folder and zip -----------------------------------------------------------------------------


def test_folder_and_zip_are_the_same_set(tmp_path):
    scratch = tmp_path / "scratch"
    hidden = {".hidden/x.txt": b"", "__MACOSX/train/1.png": b"", "train/cat/.DS_Store": b""}
    data = image_folder(write_zip(tmp_path / "set.zip", SET | hidden), 32, scratch=scratch)
    np.testing.assert_array_equal(data.train_images, [noise(0).transpose(2, 0, 1), noise(1).transpose(2, 0, 1)])
    assert data.classes == ("cat", "dog") and data.train_labels.tolist() == [0, 1] and data.test_labels.tolist() == [1]
    cached = {path: path.stat().st_mtime_ns for path in scratch.iterdir()}
    again = image_folder(write_folder(tmp_path / "set", SET | hidden), 32, scratch=scratch)
    assert again.data_hash == data.data_hash
    assert {path: path.stat().st_mtime_ns for path in scratch.iterdir()} == cached and len(cached) == 2


def test_cache_key_follows_content_and_size(tmp_path):
    folder = write_folder(tmp_path / "set", SET)
    first = image_folder(folder, 32, scratch=tmp_path / "s")
    (folder / "train/cat/1.png").write_bytes(encoded(noise(9)))
    changed = image_folder(folder, 32, scratch=tmp_path / "s")
    np.testing.assert_array_equal(changed.train_images[0], noise(9).transpose(2, 0, 1))
    assert changed.data_hash != first.data_hash
    for size in (16, 64):
        assert image_folder(folder, size, scratch=tmp_path / "s").shape == (3, size, size)


def test_flat_images_with_a_part_held_out(tmp_path):
    folder = write_folder(tmp_path, {f"{k}.png": encoded(noise(k)) for k in range(5)})
    data = image_folder(folder, 32, train=".", test=2, scratch=tmp_path / ".s")
    order = np.random.RandomState(0).permutation(5)
    images = np.concatenate([data.train_images, data.test_images])
    np.testing.assert_array_equal(images, [noise(k).transpose(2, 0, 1) for k in order])
    assert len(data.test_images) == 2 and data.train_labels is None and data.classes == ()


def test_large_sets_are_mapped_and_the_file_stays_untouched(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.tasks.data_decode.MAPPED_BYTES", 0)
    folder = write_folder(tmp_path / "set", SET)
    data = image_folder(folder, 32, scratch=tmp_path / "s")
    assert isinstance(data.train_images, np.memmap)
    tensor = torch.from_numpy(data.train_images)
    tensor.zero_()
    assert image_folder(folder, 32, scratch=tmp_path / "s").train_images.any()


def image_file(data):
    return ImageFile("x.png", len(data), 0, lambda: data)


def test_centre_crop():
    pixels = noise(0, height=32, width=40)
    np.testing.assert_array_equal(decode(image_file(encoded(pixels)), 32), pixels[:, 4:36].transpose(2, 0, 1))
    np.testing.assert_array_equal(
        decode(image_file(encoded(pixels.transpose(1, 0, 2))), 32), pixels[:, 4:36].transpose(2, 1, 0)
    )


def test_resizing_does_not_alias():
    # Stripes one pixel wide are above what 32 pixels can show: only their mean may be left.
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = decode(image_file(encoded(stripes)), 32)[:, :, 2:-2].astype(int)
    # Lanczos at a quarter of the size lets through less than 2 % of it; 1/2 for rounding.
    assert np.abs(inner - 127.5).max() <= 0.02 * 127.5 + 0.5


def test_grey_becomes_rgb():
    grey = noise(0)[:, :, 0]
    np.testing.assert_array_equal(decode(image_file(encoded(grey)), 32), [grey] * 3)


JPEG = encoded(noise(0), "JPEG", quality=95)

BAD_SETS = {
    "text among the images": (SET | {"train/notes.txt": b"x"}, {}, r"train/notes.txt in .*set.* is not an image"),
    "nothing but hidden files": ({".x": b""}, {}, "contains no images"),
    "a text named as an image": (SET | {"train/cat/9.png": b"text"}, {}, "cannot decode train/cat/9.png"),
    "half an image": (SET | {"train/cat/9.jpg": JPEG[: len(JPEG) // 2]}, {}, "cannot decode train/cat/9.jpg"),
    "no such split": (SET, {"test": "val"}, "no image in val/ .* holds test, train: set train and test"),
    "an image beside the classes": (SET | {"train/9.png": JPEG}, {}, "train/9.png in .* lies next to class folders"),
    "an unknown class": (
        SET | {"test/zebra/9.png": JPEG},
        {},
        "test/zebra/9.png in .* is in a class folder that the training",
    ),
    "tested on training images": (SET, {"train": "."}, "test/dog/3.png .* is both a training and a test image"),
    "too many held out": (SET, {"test": 2}, "cannot hold out 2 of 2 images"),
    "a size between": (SET, {"size": 48}, "size: 48 is not one of 16, 32, 64"),
}


@pytest.mark.parametrize("files, options, line", BAD_SETS.values(), ids=BAD_SETS.keys())
@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_bad_sets(tmp_path, write, files, options, line):
    path = write(tmp_path / "set", files)
    with pytest.raises(BenchError, match=line) as caught:
        image_folder(path, **{"size": 32, "scratch": tmp_path / "s"} | options)
    assert "\n" not in str(caught.value)
    # A failed decoding leaves nothing half-written behind.
    assert not list((tmp_path / "s").glob("*.npy.*"))


def test_bad_files(tmp_path):
    def read(path, scratch="s"):
        image_folder(path, 32, scratch=tmp_path / scratch)

    with pytest.raises(BenchError, match="no file or folder .*gone.zip: name a zip or a folder"):
        read(tmp_path / "gone.zip")
    whole = write_zip(tmp_path / "set.zip", SET).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BenchError, match="cut.zip is not a complete zip"):
        read(tmp_path / "cut.zip")
    damaged = bytearray(whole)
    damaged[200] ^= 0xFF  # inside the first image's bytes
    (tmp_path / "bits.zip").write_bytes(damaged)
    with pytest.raises(BenchError, match="cannot decode train/cat/1.png in .*bits.zip"):
        read(tmp_path / "bits.zip")
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(BenchError, match="cannot write .*taken.* use another scratch"):
        read(tmp_path / "set.zip", "taken")
    read(tmp_path / "set.zip")
    for cached in (tmp_path / "s").iterdir():
        cached.write_bytes(cached.read_bytes()[:-1])
    with pytest.raises(BenchError, match="delete that file"):
        read(tmp_path / "set.zip")


# --- training only ------------------------------------------------------------------------------


def test_scale_is_undone_exactly_by_the_metrics_rounding():
    x = torch.arange(256, dtype=torch.uint8).view(1, 1, 1, 16, 16)
    scaled = augment(x, CounterDraws([0], "test"), "batch")
    assert scaled.dtype == torch.float32 and scaled.min() == -1 and scaled.max() == 1
    torch.testing.assert_close((255 * ((scaled + 1) / 2).clamp(0, 1)).round().to(torch.uint8), x, rtol=0, atol=0)


def test_flip_mirrors_whole_images_about_half_of_them():
    x = torch.arange(6, dtype=torch.uint8).view(1, 1, 1, 2, 3).expand(2, 400, 1, 2, 3)
    plain = augment(x, CounterDraws([0, 1], "test"), "batch")
    flipped = augment(x, CounterDraws([0, 1], "test"), "batch", flip=True)
    is_plain = (flipped == plain).all(-1).all(-1).all(-1)
    is_mirrored = (flipped == plain.flip(-1)).all(-1).all(-1).all(-1)
    assert (is_plain ^ is_mirrored).all()
    # Binomial(800, 1/2): standard deviation 14, five of them allowed.
    assert abs(is_mirrored.sum().item() - 400) < 71
    assert not torch.equal(is_mirrored[0], is_mirrored[1])
    alone = augment(x[1:], CounterDraws([1], "test"), "batch", flip=True)
    assert torch.equal(alone[0], flipped[1])


def test_dequantisation_adds_uniform_noise_of_the_given_width():
    x = torch.full((1, 64, 1, 8, 8), 255, dtype=torch.uint8)
    added = augment(x, CounterDraws([0], "test"), "batch", dequantise=1 / 128) - 1.0
    assert added.min() >= 0 and added.max() <= 1 / 128
    # 4,096 values: the mean of U(0, 1) has standard error 0.0045, its variance is 1/12.
    assert added.mean().item() * 128 == pytest.approx(0.5, abs=0.023)
    assert (added * 128).var().item() == pytest.approx(1 / 12, rel=0.1)
