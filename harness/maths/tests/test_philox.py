"""Philox against the known answers of Random123 (Salmon et al. 2011), its transforms against moments."""

import math

import pytest
import torch

from harness.maths.philox import philox4x32, to_normal, to_uniform, words

N = 1_000_000


def as_words(text):
    return tuple(torch.tensor(int(word, 16)) for word in text.split())


@pytest.mark.parametrize(
    "counter, key, answer",
    [
        ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_known_answers(counter, key, answer):
    assert [f"{int(w):08x}" for w in philox4x32(as_words(counter), as_words(key))] == answer.split()


def test_element_i_is_word_i_mod_4_of_counter_i_div_4():
    key = (torch.tensor([7]), torch.tensor([9]))
    flat = words(key, 11, high=3, highest=5)
    assert flat.shape == (1, 11)
    for i in range(11):
        counter = tuple(torch.tensor([c]) for c in (i // 4, 0, 3, 5))
        assert flat[0, i] == philox4x32(counter, key)[i % 4][0]


def test_many_words_are_those_of_few(monkeypatch):
    """Drawn in parts, or all at once: the same bits, for several keys and where the last part is short."""
    key = torch.tensor([[7], [8]]), torch.tensor([[9], [9]])
    whole = words(key, 1999, high=torch.tensor([[3], [4]]), then=to_normal)
    monkeypatch.setattr("harness.maths.philox.CACHED", 256)
    assert torch.equal(words(key, 1999, high=torch.tensor([[3], [4]]), then=to_normal), whole)
    assert torch.equal(
        words(key, 1999, high=torch.tensor([[3], [4]])), words(key, 4096, high=torch.tensor([[3], [4]]))[..., :1999]
    )


def test_uniform_stays_inside_the_open_interval():
    ends = to_uniform(torch.tensor([0, 2**32 - 1]))
    assert ends[0] == 2.0**-33 and ends[1] == 1.0 - 2.0**-33


def test_normal_is_box_muller():
    w = torch.tensor([2**30, 2**31, 123456789, 987654321])
    z = to_normal(w)
    for i in (0, 2):
        u, v = ((int(x) + 0.5) / 2**32 for x in w[i : i + 2])
        radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * v
        expected = torch.tensor([radius * math.cos(angle), radius * math.sin(angle)], dtype=torch.float64)
        torch.testing.assert_close(z[i : i + 2], expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "transform, moments",
    # E[x^p] with the standard deviation of x^p, p = 1..4.
    [
        (lambda w: to_uniform(w) - 0.5, [(0, 1 / 12), (1 / 12, 1 / 180), (0, 1 / 448), (1 / 80, 1 / 2304 - 1 / 6400)]),
        (to_normal, [(0, 1), (1, 2), (0, 15), (3, 96)]),
    ],
    ids=["uniform", "normal"],
)
def test_moments(transform, moments):
    """Within five standard errors of a sample mean: a right generator fails with probability 6e-7."""
    x = transform(words((torch.tensor([1]), torch.tensor([2])), N))[0]
    for power, (mean, variance) in enumerate(moments, 1):
        assert abs(x.pow(power).mean() - mean) < 5 * math.sqrt(variance / N), power
