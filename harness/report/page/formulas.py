"""Describe what a method computes in a sentence and formulas, composed of the parts that its parameters name.

The sentence is the first one in the docstring of the algorithm's file, which is read but not run. The terms are those
of baselines/formulas.yaml whose conditions hold. So a new method that is composed of known parts has its formula.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from harness.errors import BenchError
from harness.report.tables.spelling import NONE
from harness.store import is_number
from harness.yaml_text import load

BASELINES = Path(__file__).resolve().parents[3] / "baselines"
PLACE = re.compile(r"\{([\w.]+)\}")
SET = "set"
PARTS = {"when", "side", "term", "words", "source"}


@dataclass(frozen=True)
class Formula:
    """The description of a method.

    sentence: what the method is.
    sides: the net that minimises -> the formula that it minimises, in HTML.
    sources: papers and equations.
    """

    sentence: str
    sides: dict[str, str]
    sources: list[str]


def formula(settings: Mapping[str, Any]) -> Formula:
    """Return the formula of a resolved block of parameters; it has no sides if no part is known."""
    flat = {**settings, **(settings.get("discriminator") or {})}
    known = rules(BASELINES / "formulas.yaml")
    held = [rule for rule in known if all(_holds(flat, *pair) for pair in rule["when"].items())]
    sides: dict[str, list[str]] = {}
    for rule in held:
        sides.setdefault(rule["side"], []).append(_filled(rule["term"], flat))
    words = [_filled(rule["words"], flat) for rule in held if "words" in rule]
    sentence = about(str(settings.get("algorithm", "")))
    if words:
        here = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
        sentence = f"{sentence.rstrip('.')}; here with {here}." if sentence else f"With {here}."
    sources = list(dict.fromkeys(rule["source"] for rule in held if "source" in rule))
    return Formula(sentence.strip(), {side: "; ".join(terms) for side, terms in sides.items()}, sources)


@cache
def rules(path: Path) -> list[dict[str, Any]]:
    """Read the rules. Raises BenchError for a rule that lacks a part or has an unknown one."""
    found: list[dict[str, Any]] = load(path)
    for place, rule in enumerate(found, 1):
        if not {"when", "side", "term"} <= rule.keys() <= PARTS:
            raise BenchError(f"{path}: rule {place} needs when, side and term, and may have words and source")
    return found


@cache
def about(algorithm: str) -> str:
    """Return the first sentence of an algorithm's file; '' if it has no file here, for example in a package."""
    path = BASELINES / "methods" / f"{algorithm}.py"
    if not path.is_file():
        return ""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
    return re.split(r"(?<=[\w)]\.) (?=[A-Z])", text)[0]


def _at(settings: Mapping[str, Any], key: str) -> Any:
    found: Any = settings
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _holds(settings: Mapping[str, Any], key: str, wanted: Any) -> bool:
    found = _at(settings, key)
    return (found is not None and found is not False and found != {}) if wanted == SET else found == wanted


def _filled(text: str, settings: Mapping[str, Any]) -> str:
    """Fill in the settings that a text names; one that the block does not have is shown as missing, as in a table."""
    return PLACE.sub(lambda place: _shown(_at(settings, place[1])), text)


def _shown(value: Any) -> str:
    if value is None:
        return NONE
    return f"{value:g}" if is_number(value) else escape(str(value))
