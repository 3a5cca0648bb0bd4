"""The instructions for matrix products, by what Linux says of the processor."""

from pathlib import Path

import pytest

from harness.run.pins import WIDE, _products, pins

ALL = " ".join(sorted(WIDE))


@pytest.mark.parametrize(
    "vendor, flags, expected",
    [
        ("GenuineIntel", f"fpu avx2 {ALL}", "AVX512"),
        ("GenuineIntel", "fpu avx2 avx512f", "AVX2"),
        ("GenuineIntel", "fpu avx2", "AVX2"),
        ("AuthenticAMD", f"fpu avx2 {ALL}", "AVX2"),
    ],
)
def test_products_use_the_widest_registers_whose_bits_are_sure(
    vendor: str, flags: str, expected: str, tmp_path: Path
) -> None:
    told = tmp_path / "cpuinfo"
    first = f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: {flags}\n"
    told.write_text(f"{first}\n{first.replace('flags', 'power')}")
    assert _products(told) == expected


def test_without_a_description_they_are_avx2(tmp_path: Path) -> None:
    assert _products(tmp_path / "absent") == "AVX2"
    assert pins()["MKL_CBWR"] in ("AVX2", "AVX512")
