"""`like:` takes another block's keys; null takes one away; what leads nowhere or to itself is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import BenchError
from harness.run.like import compose, resolve, without_title


def methods(**blocks: Any) -> dict[str, Any]:
    return resolve({"methods": blocks}, "params.yaml")["methods"]


GAN = {"algorithm": "gan", "loss": "plain", "net": {"width": 8, "depth": 2}, "ema": {"decay": 0.9}, "title": "GAN"}


def test_a_block_has_what_it_is_like_and_then_what_it_says() -> None:
    made = methods(pair={"gan": GAN, "wide": {"like": "gan", "net": {"width": 16}, "clip": 0.1}})
    expected = {
        "algorithm": "gan",
        "loss": "plain",
        "net": {"width": 16, "depth": 2},
        "ema": {"decay": 0.9},
        "clip": 0.1,
    }
    assert made["pair"]["wide"] == expected


def test_order_in_the_file_does_not_matter() -> None:
    made = methods(pair={"last": {"like": "middle", "c": 3}, "middle": {"like": "gan", "b": 2}, "gan": {"a": 1}})
    assert made["pair"]["last"] == {"a": 1, "b": 2, "c": 3}


def test_null_takes_an_inherited_key_away_at_any_depth() -> None:
    made = methods(pair={"gan": GAN, "bare": {"like": "gan", "ema": None, "net": {"depth": None}}})
    assert without_title(made["pair"]["bare"]) == {"algorithm": "gan", "loss": "plain", "net": {"width": 8}}


def test_a_block_inside_may_be_like_one_of_another_task_and_then_replaces() -> None:
    made = methods(
        maze={"airl": {"critic": {"kind": "airl", "width": 32}, "learner": {"kind": "trpo"}}},
        flipped={
            "base": {"critic": {"kind": "gail", "noise": 0.1}},
            "airl": {"like": "base", "critic": {"like": "maze.airl.critic", "width": 64}},
        },
    )
    assert made["flipped"]["airl"] == {"critic": {"kind": "airl", "width": 64}}


def test_a_block_inside_an_inherited_one_can_be_named() -> None:
    made = methods(
        maze={
            "airl": {"critic": {"kind": "airl"}},
            "vairl": {"like": "airl"},
            "c": {"critic": {"like": "vairl.critic"}},
        }
    )
    assert made["maze"]["c"] == {"critic": {"kind": "airl"}}


def test_what_is_resolved_is_a_copy_of_nothing_that_changes() -> None:
    params = {"methods": {"pair": {"gan": GAN, "other": {"like": "gan", "net": {"width": 1}}}}}
    resolve(params, "params.yaml")
    assert params["methods"]["pair"]["other"] == {"like": "gan", "net": {"width": 1}}
    assert GAN["net"] == {"width": 8, "depth": 2}


def test_titles_are_of_the_name_and_not_inherited() -> None:
    made = methods(pair={"gan": GAN, "sn": {"like": "gan"}}, faces={"gan": {"like": "pair.gan"}, "sn": {"title": "SN"}})
    assert "title" not in methods(pair={"gan": GAN, "sn": {"like": "gan"}})["pair"]["sn"]
    assert made["faces"]["gan"]["title"] == "GAN"
    assert made["pair"]["sn"]["title"] == "SN"  # as a method of the same name has it elsewhere


def test_tasks_may_be_like_tasks() -> None:
    tasks = {"maze": {"family": "maze", "seeds": [0], "title": "Maze"}, "flipped": {"like": "maze", "flipped": True}}
    made = resolve({"tasks": tasks}, "params.yaml")["tasks"]
    assert made["flipped"] == {"family": "maze", "seeds": [0], "flipped": True}


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ({"like": "gam"}, "params.yaml: methods.pair.mine.like = gam: unknown; did you mean gan?"),
        ({"like": "pair.gam"}, "params.yaml: methods.pair.mine.like = pair.gam: unknown; did you mean gan?"),
        ({"like": "gan.nett"}, "params.yaml: methods.pair.mine.like = gan.nett: unknown; did you mean net?"),
        (
            {"like": "gan.loss"},
            "params.yaml: methods.pair.mine.like = gan.loss: must be the name of a block, such as gan or digits8.gan",
        ),
        (
            {"like": "pair"},
            "params.yaml: methods.pair.mine.like = pair: must be the name of a block, such as gan or digits8.gan",
        ),
        (
            {"like": 3},
            "params.yaml: methods.pair.mine.like = 3: must be the name of a block, such as gan or digits8.gan",
        ),
        (
            {"like": ""},
            "params.yaml: methods.pair.mine.like = '': must be the name of a block, such as gan or digits8.gan",
        ),
        ({"like": "mine"}, "params.yaml: methods: pair.mine -> pair.mine is circular: remove one `like`"),
    ],
)
def test_what_leads_nowhere_is_told(block: dict[str, Any], line: str) -> None:
    with pytest.raises(BenchError) as error:
        methods(pair={"gan": GAN, "mine": block})
    assert str(error.value) == line


def test_a_circle_is_told_whole() -> None:
    with pytest.raises(BenchError, match="pair.a -> pair.b -> pair.a is circular"):
        methods(pair={"a": {"like": "b"}, "b": {"like": "a"}})


def test_compose_merges_blocks_and_replaces_the_rest() -> None:
    base = {"tasks": {"t": {"family": "toy", "seeds": [0, 1], "score": {"n": 1}}}}
    overlay = {"tasks": {"t": {"seeds": [5], "score": None}}}
    assert compose(base, overlay, "smoke") == {"tasks": {"t": {"family": "toy", "seeds": [5]}}}
    assert base["tasks"]["t"]["seeds"] == [0, 1]
    with pytest.raises(BenchError, match="did you mean tasks"):
        compose(base, {"task": {}}, "smoke")


def test_an_overlay_lies_on_what_is_written_and_may_itself_be_like() -> None:
    base = {"methods": {"pair": {"gan": GAN, "wide": {"like": "gan", "net": {"width": 16}, "clip": 0.1}}}}
    overlay = {
        "methods": {"pair": {"wide": {"clip": None, "ema": None, "net": {"width": None}}, "gan": {"loss": "hinge"}}}
    }
    made = resolve(compose(base, overlay, "small"), "small")["methods"]["pair"]
    assert made["wide"] == {"algorithm": "gan", "loss": "hinge", "net": {"depth": 2}}, "null also of what is inherited"
    told = compose(base, {"methods": {"pair": {"gan": {"net": {"like": "wide.net"}}}}}, "small")["methods"]["pair"]
    assert told["gan"]["net"] == {"like": "wide.net"}, "it replaces what stood there"
    told = compose(base, {"methods": {"pair": {"wide": {"like": None}}}}, "small")["methods"]["pair"]
    assert told["wide"] == {"net": {"width": 16}, "clip": 0.1}, "and null takes it away as any other key"


def test_a_method_may_be_called_like() -> None:
    base = {"methods": {"pair": {"like": {"a": 1}, "b": {"a": 2}}}}
    assert compose(base, {"methods": {"pair": {"b": None}}}, "small") == {"methods": {"pair": {"like": {"a": 1}}}}


@pytest.mark.parametrize("section", ["tasks", "methods"])
def test_a_title_is_a_text(section: str) -> None:
    block = {"title": 8}
    params = {"tasks": {}, "methods": {}} | {section: {"pair": block if section == "tasks" else {"gan": block}}}
    with pytest.raises(BenchError, match=r"pair(\.gan)?.title = 8: must be a string, in quotes"):
        resolve(params, "params.yaml")
