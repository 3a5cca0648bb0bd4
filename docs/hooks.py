"""MkDocs calls this for every page; it replaces the marker in the page of parameters by tables of the models."""

from __future__ import annotations

import inspect
import re
import typing

from pydantic import BaseModel

from harness import registry

MARKER = "<!-- parameters -->"
LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
MODULES = re.compile(r"[A-Za-z_][\w.]*[.](?=[A-Za-z_])")


def on_page_markdown(markdown: str, **_: object) -> str:
    return markdown.replace(MARKER, parameters()) if MARKER in markdown else markdown


def parameters() -> str:
    """Return a section for each family and algorithm, and one for each model inside them."""
    told: dict[str, type[BaseModel]] = {}
    parts = ["## Tasks, by family\n"]
    parts += [_section(f"`family: {name}`", registry.family(name).Params, told) for name in registry.families()]
    parts += ["## Methods, by algorithm\n"]
    parts += [_section(f"`algorithm: {name}`", registry.algorithm(name).Params, told) for name in registry.algorithms()]
    parts += ["## Blocks inside\n"]
    done: set[str] = set()
    while waiting := [name for name in sorted(told) if name not in done]:
        for name in waiting:
            done.add(name)
            parts.append(_section(f"`{name}`", told[name], told))
    return "\n".join(parts)


def _section(title: str, model: type[BaseModel], told: dict[str, type[BaseModel]]) -> str:
    rows = ["| key | kind | default |", "|---|---|---|"]
    for key, field in model.model_fields.items():
        told |= {_name(m): m for m in _models(field.annotation)}
        kind = _words(field.annotation)
        limits = ", ".join(
            f"{sign} {getattr(limit, name)}"
            for limit in field.metadata
            for name, sign in LIMITS.items()
            if hasattr(limit, name)
        )
        default = "" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
        rows.append(f"| `{key}` | {kind}{f' ({limits})' if limits else ''} | {default} |")
    said = inspect.cleandoc(model.__doc__ or "") if model.__doc__ != BaseModel.__doc__ else ""
    return f"### {title}\n\n{said}\n\n" + "\n".join(rows) + "\n"


def _models(kind: object) -> list[type[BaseModel]]:
    inner = [model for part in typing.get_args(kind) for model in _models(part)]
    return inner + ([kind] if isinstance(kind, type) and issubclass(kind, BaseModel) else [])


def _words(kind: object) -> str:
    """Return the annotation without the names of modules."""
    return f"`{MODULES.sub('', inspect.formatannotation(kind))}`"


def _name(model: type[BaseModel]) -> str:
    """Return the model's name with its file, because several families use the same name for a block."""
    return f"{model.__name__} of {model.__module__.rpartition('.')[2]}"
