"""The example operations that GraphiQL opens as tabs: one file each, `<name>.graphql`, opening with a comment.

`<name>.variables.json` beside it holds the variables, where there are any. Tabs come as one explores: what
reads, what subscribes, what changes; each in the order of the names.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

KIND = re.compile(r"^(query|subscription|mutation)\b", re.MULTILINE)
ORDER = ("query", "subscription", "mutation")
OPERATIONS_MAX = 50
"""Example operations shown; more tabs than this help nobody."""


class ExampleOperation(msgspec.Struct, frozen=True, rename="camel"):
    """One tab: its name, its document with the comment, and its variables (None when it takes none)."""

    name: str
    query: str
    variables: dict[str, Any] | None


def read_operations(folder: Path) -> list[ExampleOperation]:
    """Read the first `OPERATIONS_MAX` operations of a folder by file name, in the order of tabs; none without a folder.

    Raises:
        msgspec.DecodeError: a variables file does not hold a JSON object.
    """
    return sorted(map(_read, sorted(folder.glob("*.graphql"))[:OPERATIONS_MAX]), key=_rank)


def _rank(operation: ExampleOperation) -> int:
    kind = KIND.search(operation.query)
    return ORDER.index(kind[1]) if kind else 0


def _read(path: Path) -> ExampleOperation:
    variables = path.with_suffix(".variables.json")
    return ExampleOperation(
        name=path.stem,
        query=path.read_text(encoding="utf-8"),
        variables=msgspec.json.decode(variables.read_bytes(), type=dict[str, Any]) if variables.exists() else None,
    )
