"""Provide what the benchmarks share: options, alternating runs, and the records in results/benchmarks.

The schema is that of `harness.report.records.measured`, which the page reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.files import write_text
from harness.places.jobs import Job
from harness.places.local import results
from harness.places.pulse import Pulse
from harness.plan.origin import origin
from harness.registry import ROOT
from harness.report.records.measured import FEWEST_PAIRS as PAIRS
from harness.report.records.measured import Record, met, summaries

FOLDER = "results/benchmarks"
QUICK_PAIRS = 2


@dataclass(frozen=True)
class Options:
    """The options of a benchmark.

    root: the project's folder.
    quick: run two pairs and less work.
    python: the interpreter of the peer's environment; None uses this one.
    checkout: the code of a peer that is not a package.
    pairs: the number of pairs; None uses the default.
    """

    root: Path
    quick: bool = False
    python: Path | None = None
    checkout: Path | None = None
    pairs: int | None = None

    @property
    def count(self) -> int:
        return self.pairs or (QUICK_PAIRS if self.quick else PAIRS)

    @property
    def reduced(self) -> bool:
        """Return whether this is less than a full record, which gets a separate file."""
        return self.quick or self.count < PAIRS

    def size(self, full: int, quick: int) -> int:
        """Return the amount of work."""
        return quick if self.quick else full


def alternate(options: Options, **runs: Callable[[int], float]) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield (k, the result of each run) and print them as they come. The order of the runs rotates with the pair k."""
    names = list(runs)
    for k in range(options.count):
        turn = k % len(names)
        print(f"  pair {k + 1} of {options.count}:", end="", flush=True)
        values: dict[str, float] = {}
        for name in names[turn:] + names[:turn]:
            comma = "," * bool(values)
            values[name] = runs[name](k)
            print(f"{comma} {name} {values[name]:.4g}", end="", flush=True)  # at once: some take minutes
        print(flush=True)
        yield k, values


def at_once(run: Callable[..., Any], parts: Sequence[tuple]) -> list[Any]:
    """Return run(*part) for each of `parts`, each in its own process, all at the same time."""
    jobs = [Job(f"{run.__name__} {k + 1}", partial(_called, run, part)) for k, part in enumerate(parts)]
    return results(jobs, len(parts))


def _called(run: Callable[..., Any], part: tuple, pulse: Pulse) -> Any:
    return run(*part)


def row(
    name: str,
    unit: str,
    ours: list[float],
    theirs: list[float] | None = None,
    against: str = "",
    higher_is_better: bool = False,
    aim: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a row of the schema from the values of each pair."""
    pairs = (
        [{"ours": value} for value in ours]
        if theirs is None
        else [{"ours": a, "theirs": b} for a, b in zip(ours, theirs, strict=True)]
    )
    return {
        "name": name,
        "unit": unit,
        "higher_is_better": higher_is_better,
        "against": against,
        "pairs": pairs,
        **summaries(pairs),
        "aim": aim,
    }


def at_most(value: float, of: str = "ratio") -> dict[str, Any]:
    return {"of": of, "at_most": value}


def at_least(value: float, of: str = "ratio") -> dict[str, Any]:
    return {"of": of, "at_least": value}


def record(
    options: Options,
    benchmark: str,
    title: str,
    rows: list[dict[str, Any]],
    settings: dict[str, Any],
    peer: dict[str, str] | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> Record:
    """Return a record.

    benchmark: the name of the file; a quick record has a separate file, so that it never overwrites a full one.
    """
    return {
        "benchmark": f"{benchmark}-quick" if options.reduced else benchmark,
        "title": title,
        "peer": peer,
        "settings": settings,
        "machine": machine(threads, device),
        "commit": origin(ROOT)["commit"],
        "quick": options.reduced,
        "rows": rows,
    }


def write(root: Path, made: Record) -> Path:
    path = root / FOLDER / f"{made['benchmark']}.json"
    write_text(path, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return path


def machine(threads: int, device: str = "cpu") -> dict[str, Any]:
    import torch

    from harness.places.train import environment

    here = environment(torch.device(device))
    return {"processor": here["device"], "threads": threads, "torch": here["torch"]}


def lines(made: Record) -> Iterator[str]:
    """Yield a record as text for the terminal."""
    peer = f" beside {made['peer']['name']} {made['peer']['version']}" if made["peer"] else ""
    yield f"{made['title']}{peer}{' (quick)' if made['quick'] else ''}"
    for one in made["rows"]:
        said = [f"ours {_range(one['ours'])} {one['unit']}"]
        if one["ratio"]:
            said += [f"{one['against']} {_range(one['theirs'])}", f"ratio {_range(one['ratio'])}"]
        if one["aim"]:
            side = "at_most" if "at_most" in one["aim"] else "at_least"
            said.append(f"aim {side.replace('_', ' ')} {one['aim'][side]:g}: {'met' if met(one) else 'missed'}")
        yield f"  {one['name']}: {', '.join(said)}"


def _range(found: dict[str, float]) -> str:
    return f"{found['median']:.4g} [{found['least']:.4g}, {found['most']:.4g}]"
