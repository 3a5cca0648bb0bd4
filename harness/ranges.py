"""Write and read seeds as ranges, continue those that the parameters name, and assign learnt rewards to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.errors import BenchError

PART = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?", re.ASCII)
MOST = 10_000  # seeds of one range; more is surely a typing error


def span(seeds: Iterable[int]) -> str:
    """Write seeds as text: [0, 1, 2] -> '0-2'; with gaps every seed is listed."""
    seeds = sorted(seeds)
    if len(seeds) > 1 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ",".join(map(str, seeds))


def read(text: str) -> tuple[int, ...]:
    """Read seeds from text, as the inverse of `span`: '10-12,20' -> (10, 11, 12, 20).

    Raises BenchError for any other text.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = PART.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < min(first + MOST, 2**31):
            raise BenchError(f"seeds {text!a}: write them as 10-29 or 10,12,20-24, the smaller one first")
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise BenchError(f"seeds {text!a}: one of them is there twice")
    return tuple(seeds)


def following(named: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the next `count` seeds after those that are named. Raises BenchError if these are too many."""
    first = max(named) + 1
    if count > MOST or first + count > 2**31:
        raise BenchError(f"{count} more seeds are too many: ask for at most {MOST}, below 2^31")
    return tuple(range(first, first + count))


def reward_of(seed: int, named: Sequence[int], rewards: int) -> int:
    """Return the index of the learnt reward that the re-training with `seed` uses.

    The named seeds cycle through the named rewards. Each later seed uses one further reward, in order: with 10 rewards
    and the seeds 0 to 29, seed 12 uses reward 2 and seed 30 uses reward 10. So no assignment changes if rewards are
    added.

    named: the seeds of the re-training that the parameters name.
    rewards: the number of rewards that the parameters name.
    """
    last = max(named)
    return seed % rewards if seed <= last else rewards + seed - last - 1
