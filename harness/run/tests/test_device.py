"""Precisions: what they round, what they refuse, and that they leave nothing behind."""

import pytest
import torch

from harness.contracts import BenchError
from harness.run.device import arithmetic, pick_device

CPU = torch.device("cpu")


def product() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.bmm(torch.randn(1, 8, 64), torch.randn(1, 64, 8))


def test_bf16_rounds_products_only() -> None:
    exact = product()
    with arithmetic("bf16", CPU):
        rounded = product()
        assert (torch.ones(3) + 2.0**-12).dtype is torch.float32
    assert rounded.dtype is torch.bfloat16
    error = (rounded.float() - exact).norm() / exact.norm()
    assert 1e-4 < error < 1e-2  # operands keep 8 bits
    assert torch.equal(product(), exact)


def test_bf16_follows_weights_that_move_within_an_update() -> None:
    weight = torch.nn.Parameter(torch.ones(1, 2, 2))
    with arithmetic("bf16", CPU):
        before = torch.bmm(torch.ones(1, 2, 2), weight)
        with torch.no_grad():
            weight.mul_(2)
        assert torch.equal(torch.bmm(torch.ones(1, 2, 2), weight), 2 * before)


def test_fp32_keeps_tf32_out_of_convolutions_and_puts_things_back() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with arithmetic("fp32", CPU):
        assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before


def test_a_device_repeats_itself_in_all_that_runs_within_and_only_there() -> None:
    before = torch.backends.cudnn.deterministic
    with arithmetic("fp32", CPU):
        assert torch.backends.cudnn.deterministic
        with arithmetic("fp32", CPU, deterministic=False):
            assert not torch.backends.cudnn.deterministic
        assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.deterministic == before


def test_tf32_without_a_gpu_is_refused() -> None:
    with pytest.raises(BenchError, match="precision tf32 needs a GPU: set precision"), arithmetic("tf32", CPU):
        pass


def test_a_wanted_gpu_that_is_not_there(monkeypatch) -> None:
    monkeypatch.setenv("BENCH_DEVICE", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BenchError, match="sees no GPU here: unset it or set BENCH_DEVICE=cpu"):
        pick_device()
