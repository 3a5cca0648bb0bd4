"""Attack the harness at random and see whether it is told, or harmless: `python -m harness.tests.siege --minutes 10`.

Attack number K of a seed is the same one whenever it is run: `--seed S --only K` repeats it. The exit status is 1 where
there was a FAULT. `--write` leaves the tally in results/benchmarks/siege.json, which the page shows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from harness.files import write_text
from harness.plan.origin import origin
from harness.registry import ROOT
from harness.run.pins import pin
from harness.tests.siege.attacks import FAULT, HARMLESS, KINDS, REFUSED
from harness.tests.siege.limits import shown
from harness.tests.siege.world import World

TALLY = Path("results/benchmarks/siege.json")


def order(kinds: list[str], count: int) -> str:
    """The kind of attack number `count`, so that at any time each kind has its share."""
    done: Counter[str] = Counter()
    for _ in range(count):
        done[_due(kinds, done)] += 1
    return _due(kinds, done)


def _due(kinds: list[str], done: Counter[str]) -> str:
    return min(kinds, key=lambda kind: (done[kind] + 1) / KINDS[kind][0])


def attacked(world: World, kind: str, seed: int, number: int) -> tuple[str, str]:
    """The outcome of one attack; what the attack itself cannot deal with is a FAULT as well."""
    try:
        return KINDS[kind][1](world, Random(f"{seed}/{number}"))
    except Exception as error:
        return FAULT, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def main() -> int:
    parser = argparse.ArgumentParser("siege", description="attack the harness at random")
    parser.add_argument("--minutes", type=float, help="how long it lasts (default: 10, with --whole 0)")
    parser.add_argument("--whole", action="store_true", help="go on after that until every kind had its number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="K", help="attack number K of the seed alone")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--limits", action="store_true", help="first a table of what a machine can refuse")
    parser.add_argument("--write", action="store_true", help=f"leave the tally in {TALLY}")
    args = parser.parse_args()
    minutes = args.minutes if args.minutes is not None else 0.0 if args.whole else 10.0
    pin()
    os.environ["BENCH_DEVICE"] = "cpu"
    started, tally, faults = time.monotonic(), Counter[tuple[str, str]](), []
    with tempfile.TemporaryDirectory(prefix="siege-") as base:
        world = World(Path(base))
        limits = shown(world) if args.limits else []
        ready = time.monotonic()
        families = len({cell.family for cell in world.cells})
        print(f"{len(world.cells)} cells of {families} families are trained after {ready - started:.0f} s", flush=True)
        done: Counter[str] = Counter()
        number = 0

        def over() -> bool:
            missing = args.whole and any(done[kind] < KINDS[kind][0] for kind in args.kinds)
            return time.monotonic() >= ready + 60 * minutes and not missing

        while args.only is not None or not over():
            number = args.only if args.only is not None else number
            kind = order(args.kinds, number) if args.only is not None else _due(args.kinds, done)
            verdict, note = attacked(world, kind, args.seed, number)
            tally[kind, verdict] += 1
            done[kind] += 1
            if verdict == FAULT or args.only is not None:
                faults += [f"{number} {kind}: {' '.join(note.replace(base, '').split())}"] * (verdict == FAULT)
                print(f"attack {number}, {kind}: {verdict}: {note}", flush=True)
            number += 1
            if args.only is not None:
                break
        seconds = time.monotonic() - ready
    print(f"{'kind':12s}{REFUSED:>10s}{HARMLESS:>10s}{FAULT:>8s}")
    rows = [
        {"kind": kind, **{word: tally[kind, word] for word in (REFUSED, HARMLESS, FAULT)}}
        for kind in args.kinds
        if done[kind]
    ]
    for row in rows:
        print(f"{row['kind']:12s}{row[REFUSED]:>10d}{row[HARMLESS]:>10d}{row[FAULT]:>8d}")
    print(f"{sum(done.values())} attacks in {seconds:.0f} s, {len(faults)} FAULT; repeat with --seed {args.seed}")
    if args.write:
        said = {"seed": args.seed, "seconds": round(seconds), "attacks": rows, "limits": limits, "faults": faults}
        said |= {"commit": origin(ROOT).get("commit"), "python": platform.python_version()}
        write_text(ROOT / TALLY, json.dumps(said, indent=1) + "\n")
    return int(bool(faults) or any(row["end"] == FAULT for row in limits))


if __name__ == "__main__":
    sys.exit(main())
