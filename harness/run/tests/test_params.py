"""Reading and checking parameters: every complaint is one line that names the key and the mend."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from harness.contracts import BenchError, Settings
from harness.run.params import TaskParams, digest, flatten, read_yaml, validate

TASK = {"family": "toy", "seeds": [0, 1], "steps": 10}


class Inner(Settings):
    size: int = Field(ge=1)


class Round(Settings):
    kind: Literal["round"]
    radius: float


class Square(Settings):
    kind: Literal["square"]
    side: float


class Outer(Settings):
    rate: float = Field(gt=0)
    inner: Inner | None = None
    form: Annotated[Round | Square, Field(discriminator="kind")] = Round(kind="round", radius=1.0)


@pytest.mark.parametrize(
    "block, message",
    [
        ({"rate": 1, "raet": 2}, "p.raet: unknown key; did you mean rate?"),
        ({"rate": 1, "inner": {"sise": 2}}, "p.inner.sise: unknown key; did you mean size?"),
        ({"rate": 1, "qqq": 2}, "p.qqq: unknown key; known: form, inner, rate"),
        ({"rate": 1, "form": {"kind": "round", "radus": 2}}, "p.form.radus: unknown key; did you mean radius?"),
        ({"rate": 1, "form": {"kind": "square"}}, "p.form.side: missing"),
        (
            {"rate": 1, "form": {"kind": "square", "side": "s"}},
            "p.form.side = 's': must be a valid number, unable to parse string as a number",
        ),
        ({}, "p.rate: missing"),
        ({"rate": -1}, "p.rate = -1: must be greater than 0"),
        ({"rate": "fast"}, "p.rate = 'fast': must be a valid number, unable to parse string as a number"),
        ({"rate": float("nan")}, "p.rate = nan: must be a finite number"),
        ({"rate": 1, "inner": {"size": 0}}, "p.inner.size = 0: must be greater than or equal to 1"),
    ],
)
def test_complaints(block, message):
    with pytest.raises(BenchError) as error:
        validate(Outer, block, "p")
    assert str(error.value) == message


@pytest.mark.parametrize("seeds", [[0, 0], [-1], [2**31], [], [True], [0.5], [1.0], ["1"]])
def test_seeds_are_distinct_integers_in_range(seeds):
    with pytest.raises(BenchError, match=r"^p\.seeds(\.0)? = .*: "):
        validate(TaskParams, {**TASK, "seeds": seeds}, "p")


def test_a_message_repeats_no_more_of_a_value_than_fits():
    with pytest.raises(BenchError) as error:
        validate(TaskParams, {**TASK, "seeds": [str(i) for i in range(100_000)]}, "p")
    assert len(str(error.value)) < 1200


def test_settings_are_frozen():
    params = validate(TaskParams, TASK, "p")
    with pytest.raises(ValueError, match="frozen"):
        params.steps = 11


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not valid YAML"),
        ("- 1\n", "does not contain parameters: it must be a mapping"),
        ('a: ["b\\nc"]', r"'b\\nc'...: a string must be one line of at most 1000 characters"),
        ('"b\\u2028c": 1', "must be one line"),
        (f"a: {'b' * 1001}", "'b{59}...: a string must be one line"),
    ],
)
def test_broken_yaml(tmp_path, text, message):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(BenchError, match=message) as error:
        read_yaml(tmp_path / "p.yaml")
    assert "\n" not in str(error.value)


def test_digest_sees_values_and_not_their_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    assert flatten({"a": {"b": 1, "c": {"d": 2}}, "e": []}) == {"a.b": 1, "a.c.d": 2, "e": []}
