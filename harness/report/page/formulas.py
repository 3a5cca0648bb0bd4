"""What a method computes, in a sentence and formulas: composed of the parts that its block of parameters names.

The sentence is the first of the docstring of the algorithm's file, which is read and not run; the terms are those of
baselines/formulas.yaml whose conditions hold. So a method that is composed of known parts has its formula at once.
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
    """sentence: what the method is. sides: who minimises what, in HTML. sources: papers and equations."""

    sentence: str
    sides: dict[str, str]
    sources: list[str]


def formula(settings: Mapping[str, Any]) -> Formula:
    """That of a block of parameters as resolved; without a known part it has no sides."""
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
    """Raises BenchError for a rule that lacks a part or has an unknown one."""
    found: list[dict[str, Any]] = load(path)
    for place, rule in enumerate(found, 1):
        if not {"when", "side", "term"} <= rule.keys() <= PARTS:
            raise BenchError(f"{path}: rule {place} needs when, side and term, and may have words and source")
    return found


@cache
def about(algorithm: str) -> str:
    """The first sentence of its file; '' of one that has no file here, such as that of a package."""
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
    """The text with the settings that it names; one that the block does not have is missing, as in a table."""
    return PLACE.sub(lambda place: _shown(_at(settings, place[1])), text)


def _shown(value: Any) -> str:
    if value is None:
        return NONE
    return f"{value:g}" if is_number(value) else escape(str(value))
