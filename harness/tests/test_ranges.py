"""Seeds as ranges, and which reward each takes."""

import pytest

from harness.errors import BenchError
from harness.ranges import following, read, reward_of, span


def test_a_range_is_read_as_it_is_written() -> None:
    assert read("10-29") == tuple(range(10, 30)) and read("3") == (3,) and read("1, 4-6,9") == (1, 4, 5, 6, 9)
    for seeds in ((0,), (0, 1, 2), (1, 4, 9)):
        assert read(span(seeds)) == seeds


@pytest.mark.parametrize("text", ["", "a", "5-2", "1-", "-1", "1;2", "0-99999999", "99999999999", "٣"])
def test_what_is_no_range_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BenchError, match="write them as 10-29 or 10,12,20-24") as error:
        read(text)
    assert "\n" not in str(error.value)


def test_a_seed_is_asked_for_once() -> None:
    with pytest.raises(BenchError, match="one of them is there twice"):
        read("1-3,2")


def test_further_seeds_take_further_rewards_and_leave_the_named_ones_theirs() -> None:
    named = range(30)
    assert following(named, 3) == (30, 31, 32)
    assert [reward_of(seed, named, 10) for seed in (0, 9, 10, 29)] == [0, 9, 0, 9]
    assert [reward_of(seed, named, 10) for seed in (30, 31, 49)] == [10, 11, 29]
