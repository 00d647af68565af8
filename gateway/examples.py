"""The example operations that GraphiQL opens as tabs: one file each, `<name>.graphql`, opening with a comment.

`<name>.variables.json` beside it holds the variables, where there are any. Tabs come in the order of the file names.
"""

from pathlib import Path
from typing import Any

import msgspec

OPERATIONS_MAX = 50
"""Example operations shown; more tabs than this help nobody."""


class ExampleOperation(msgspec.Struct, frozen=True, rename="camel"):
    """One tab: its name, its document with the comment, and its variables (None when it takes none)."""

    name: str
    query: str
    variables: dict[str, Any] | None


def read_operations(folder: Path) -> list[ExampleOperation]:
    """Read the first `OPERATIONS_MAX` operations of a folder by file name; a missing folder has none.

    Raises:
        msgspec.DecodeError: a variables file does not hold a JSON object.
    """
    return [_read(path) for path in sorted(folder.glob("*.graphql"))[:OPERATIONS_MAX]]


def _read(path: Path) -> ExampleOperation:
    variables = path.with_suffix(".variables.json")
    return ExampleOperation(
        name=path.stem,
        query=path.read_text(encoding="utf-8"),
        variables=msgspec.json.decode(variables.read_bytes(), type=dict[str, Any]) if variables.exists() else None,
    )
