"""Write the settings for people: those in force with secrets masked, and the page docs/settings.md."""

import ast
import inspect
from itertools import pairwise
from typing import Any, get_type_hints

import msgspec

from contracts import settings as contract
from contracts.settings import PREFIX, Settings

SECRETS = frozenset({"service_token", "cursor_keys"})
MASK = "********"
_HEADER = """# Settings

Belfry reads its settings once, from environment variables, when a process starts. An unknown `BELFRY_*` variable, a
value of the wrong type or out of range stops the start and says which and why. This page is written by
`belfry settings --markdown`; `belfry settings` prints the values in force.

| variable | default | allowed | meaning |
|---|---|---|---|"""


def setting_lines(settings: Settings) -> list[str]:
    """Return `NAME=value` of every setting in force; secrets that are set are masked."""
    lines = []
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        lines.append(f"{variable_of(field.name)}={MASK if value and field.name in SECRETS else _written(value)}")
    return lines


def markdown_page() -> str:
    """Return docs/settings.md, without the last line end."""
    meanings = _meanings()
    hints = get_type_hints(Settings, include_extras=True)
    rows = [
        f"| `{variable_of(field.name)}` | {_code(_written(field.default))} | {_range_of(hints[field.name])} "
        f"| {meanings[field.name]} |"
        for field in msgspec.structs.fields(Settings)
    ]
    return "\n".join([_HEADER, *rows])


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else "empty"


def _meanings() -> dict[str, str]:
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(contract)).body
        if isinstance(node, ast.ClassDef) and node.name == Settings.__name__
    )
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _range_of(hint: Any) -> str:
    names = {str: "text", bool: "`true` or `false`", int: "whole number", float: "number"}
    kind = names.get(getattr(hint, "__origin__", hint), "path")
    for meta in getattr(hint, "__metadata__", ()):
        low = f"{meta.ge:,}" if meta.ge is not None else f"above {meta.gt:,}"
        kind = f"{kind}, {low} to {meta.le:,}"
    return kind
