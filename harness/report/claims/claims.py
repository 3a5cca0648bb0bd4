"""Read the published claims from `results/claims.yaml`: what was claimed, where, and which tests can judge it."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.errors import BenchError, unknown_key
from harness.store import is_number
from harness.yaml_text import load as load_yaml

LISTS = {"pairs": "[[vail, gail]]", "within": "[0.3, null]"}


@dataclass(frozen=True)
class Test:
    """One comparison in the records of one preset and task; all of its parts must hold.

    metric: the endpoint score that is compared; give either this or `log`.
    log: the logged quantity that is compared, as its mean over the last quarter of training.
    pairs: pairs of cells (better, worse), compared by paired differences on shared seeds.
    margin: how much worse the better cell may be and still count as tied, in the quantity's unit.
    gap: the published difference.
    than_metric: the metric of the second cell of a pair, if it is not `metric`.
    cell: the cell whose mean is held against `within`, in place of pairs.
    within: the two numbers between which the whole interval of that mean must lie; None leaves a side open.
    at: the share of the training at which the cells of a pair are scored, by the nearest scored step; 1 is the end.
    than_at: the same share for the second cell of a pair, if it is not `at`.
    higher_is_better: the direction to use where the metric itself has none.
    requires: dotted keys of a record -> the value that each must have.
    reading: whose interpretation of the claim this is, if it is not the paper's own.
    """

    preset: str
    task: str
    metric: str = ""
    log: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    cell: str = ""
    within: tuple[float | None, float | None] = (None, None)
    higher_is_better: bool | None = None
    margin: float = 0.0
    gap: float | None = None
    than_metric: str = ""
    at: float = 1.0
    than_at: float | None = None  # as `at`
    requires: dict[str, Any] = field(default_factory=dict)
    reading: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for a test that does not define a comparison."""
        if not all(len(pair) == 2 and all(isinstance(name, str) for name in pair) for pair in self.pairs):
            raise ValueError("pairs must be a list of [better, worse], each the name of a cell")
        for name in ("margin", "gap", "at", "than_at"):
            value = getattr(self, name)
            if value is not None and not is_number(value):
                raise ValueError(f"{name} must be a number, not {value!r}")
        for name in ("at", "than_at"):
            if not 0 < (1.0 if (value := getattr(self, name)) is None else value) <= 1:
                raise ValueError(f"{name} must be a share of the training above 0 and up to 1")
        if len(self.within) != 2 or not all(end is None or is_number(end) for end in self.within):
            raise ValueError("within must be [low, high], two numbers of which null leaves a side open")
        if None not in self.within and self.within[0] >= self.within[1]:  # type: ignore[operator]  # no None here
            raise ValueError("within must be [low, high] with low below high")
        if bool(self.metric) == bool(self.log):
            raise ValueError("must have exactly one of metric and log")
        if bool(self.pairs) == bool(self.cell):
            raise ValueError("must have exactly one of pairs and cell")
        if self.log and (self.at, self.than_at) != (1.0, None):
            raise ValueError("at and than_at need a metric: a log is always the mean over the last quarter")
        if self.cell and self.within == (None, None):
            raise ValueError("a test with cell must have within: [low, high]")

    @property
    def cells(self) -> list[str]:
        return list(dict.fromkeys([name for pair in self.pairs for name in pair] or [self.cell]))


@dataclass(frozen=True)
class Claim:
    """A published claim and the tests that judge it.

    published: the printed numbers.
    source: where they are printed.
    why: what prevents the claim's own protocol from being run.
    caution: how far the printed numbers themselves support the claim.
    uncounted: why the claim is left out of every count, e.g. because nobody could read its source again.
    evidence: tests under the claim's own protocol, which give the verdict.
    elsewhere: tests on other data, which only inform.
    """

    id: str
    domain: str
    claim: str
    published: str
    source: str
    why: str = ""
    caution: str = ""
    uncounted: str = ""
    evidence: tuple[Test, ...] = ()
    elsewhere: tuple[Test, ...] = ()

    def __post_init__(self) -> None:
        if not self.evidence and not self.why:
            raise ValueError("a claim without evidence must have why")


def load_claims(path: Path) -> list[Claim]:
    """Read the claims of a file; return none if it does not exist.

    Raises BenchError that names the claim and the wrong key.
    """
    if not path.is_file():
        return []
    blocks = load_yaml(path)
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise BenchError(f"{path}: must be a list of claims")
    claims = [
        _claim(block, f"{path}: claim {block.get('id', f'number {place + 1}')}") for place, block in enumerate(blocks)
    ]
    names = [claim.id for claim in claims]
    for name in names:
        if names.count(name) > 1:
            raise BenchError(f"{path}: claim {name} occurs {names.count(name)} times; give each claim a unique id")
    return claims


def published_gap(claims: list[Claim], preset: str, task: str, metric: str, pair: tuple[str, str]) -> float | None:
    """Return the published difference between two cells in either order, in the metric's unit, or None."""
    tests = [test for claim in claims for test in claim.evidence if (test.preset, test.task) == (preset, task)]
    same = [test for test in tests if test.metric == metric and {pair, pair[::-1]} & set(test.pairs)]
    return next((test.gap for test in same if test.gap and len(test.pairs) == 1), None)


def _claim(block: dict[str, Any], where: str) -> Claim:
    block = dict(block, id=str(block.get("id", "")))
    for kind in ("evidence", "elsewhere"):
        tests = block.get(kind) or []
        if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
            raise BenchError(f"{where}: {kind} must be a list of tests, each a block of keys and values")
        block[kind] = tuple(_test(test, f"{where}: {kind} {place + 1}") for place, test in enumerate(tests))
    return _made(Claim, block, where)


def _test(block: dict[str, Any], where: str) -> Test:
    block = dict(block)
    for key in ("pairs", "within"):
        if key in block and not isinstance(block[key], list):
            raise BenchError(f"{where}.{key}: must be a list, such as {LISTS[key]}")
    if "pairs" in block:
        block["pairs"] = tuple(tuple(pair) if isinstance(pair, list) else (pair,) for pair in block["pairs"])
    if "within" in block:
        block["within"] = tuple(block["within"])
    return _made(Test, block, where)


def _made(kind: type, block: dict[str, Any], where: str) -> Any:
    known = [f.name for f in fields(kind)]
    for key in block:
        if key not in known:
            raise BenchError(unknown_key(f"{where}.{key}", key, known))
    for f in fields(kind):
        if f.default is MISSING and f.default_factory is MISSING and block.get(f.name) in (None, ""):
            raise BenchError(f"{where}.{f.name}: missing")
    try:
        return kind(**block)
    except ValueError as error:
        raise BenchError(f"{where}: {error}") from None
