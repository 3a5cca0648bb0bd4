"""Philox against the known answers of Random123 (Salmon et al. 2011), its transforms against moments."""

import math
import os
import subprocess
import sys
from unittest.mock import Mock

import pytest
import torch

from harness.maths import philox_c
from harness.maths.philox import in_tensors, philox4x32, to_normal, to_uniform, words

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


# --- compiled code -------------------------------------------------------------------------------------------------

KEY = torch.tensor([[7, 2**32 - 1], [8, 3]]), torch.tensor([[9, 1], [2**31, 3]])
UPPER = torch.tensor([[3, 0], [2**32 - 1, 5]]), torch.tensor([[0, 1], [0, 2**32 - 1]])


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """philox_c as a set-up builds it, in an environment of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "prefix", str(tmp_path_factory.mktemp("environment")))
        philox_c.built.cache_clear(), philox_c.library.cache_clear()
        if philox_c.build() is None:
            pytest.skip("no C compiler")
        yield philox_c
    philox_c.built.cache_clear(), philox_c.library.cache_clear()


@pytest.mark.parametrize("first, count", [(0, 1), (0, 321), (64, 100), (2**32 - 2, 4)])
def test_compiled_words_are_those_of_tensor_operations(compiled, first, count):
    assert torch.equal(compiled.words(KEY, *UPPER, first, count), in_tensors(KEY, *UPPER, first, count))


def test_compiled_code_is_used_and_not_needed(compiled, monkeypatch):
    """With it and without it the same draws; it is what runs where it is there."""
    monkeypatch.setattr(philox_c, "library", Mock(side_effect=compiled.library))
    drawn = words(KEY, 999, high=UPPER[0], then=to_normal)
    assert philox_c.library.called
    monkeypatch.setattr(philox_c, "built", lambda: False)
    philox_c.library.reset_mock()
    assert torch.equal(words(KEY, 999, high=UPPER[0], then=to_normal), drawn)
    assert not philox_c.library.called


def test_without_a_compiler_nothing_is_built(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("CC", "/bin/false")
    assert philox_c.build() is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_triton_kernel_makes_the_same_words():
    """By Triton's interpreter, which needs no GPU."""
    pytest.importorskip("triton")
    script = (
        "import torch; from harness.maths import philox_triton; from harness.maths.tests import test_philox as t\n"
        "assert philox_triton.usable(torch.device('cpu'))\n"
        "assert torch.equal(philox_triton.words(t.KEY, *t.UPPER, 0, 300), t.in_tensors(t.KEY, *t.UPPER, 0, 300))"
    )
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"TRITON_INTERPRET": "1"}, check=True)


@pytest.mark.parametrize("capability", [80, 90])
def test_triton_kernel_compiles_for_gpus(capability, tmp_path):
    """To machine code for two generations of GPUs; no GPU is needed for that."""
    pytest.importorskip("triton")
    script = (
        "from triton.backends.compiler import GPUTarget; from triton.compiler import ASTSource, compile\n"
        "from harness.maths import philox_triton\n"
        "types = dict.fromkeys(('key0', 'key1', 'high', 'highest', 'out'), '*i64') | {'first': 'i32', 'count': 'i32'}\n"
        "source = ASTSource(philox_triton.kernel(), types | {'BLOCK': 'constexpr'}, {'BLOCK': philox_triton.BLOCK})\n"
        f"assert compile(source, target=GPUTarget('cuda', {capability}, 32)).asm['cubin']"
    )
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"TRITON_CACHE_DIR": str(tmp_path)}, check=True)
