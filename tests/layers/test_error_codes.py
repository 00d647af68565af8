"""docs/errors.md lists every code a client can meet, with its status, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from contracts.failures import Failure
from gateway import errors
from tests.layers.sources import Source

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "aws", "gateway", "resolvers", "schema", "clients", "services")
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
NOT_ANSWERED = {"BROKEN_AUDIT_CHAIN", "BAD_MANIFEST"}
"""Of the command line only."""
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([0-9/ ]+|—) \| .+ \| .+ \|$", re.MULTILINE)


def written_codes(node: ast.AST) -> list[ast.expr]:
    """Return what is written as `code="…"` in a call, last in `_error(…)`, `code = "…"` in a class or `"code": "…"`."""
    match node:
        case ast.keyword(arg="code", value=value):
            return [value]
        case ast.Call(func=ast.Name(id="_error"), args=[*_, last]):
            return [last]
        case ast.ClassDef(body=body):
            return [
                line.value for line in body if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code"
            ]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "code"]
    return []


def codes_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for value in written_codes(node):
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
                yield value.value


def codes_found(sources: list[Source]) -> set[str]:
    found = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str)}
    for source in sources:
        if source.package in PACKAGES and not source.module.startswith("services.events"):
            found.update(codes_of(source.tree))  # its verdicts are docs/producers.md's
    return found - NOT_ANSWERED


def documented() -> dict[str, str]:
    return dict(ROW.findall((ROOT / "docs" / "errors.md").read_text()))


def test_every_code_is_documented_and_every_documented_code_exists(sources: list[Source]) -> None:
    """Neither more nor less."""
    assert sorted(documented()) == sorted(codes_found(sources))


def test_the_documented_status_is_the_one_answered() -> None:
    """Of every failure that has a code of its own."""

    def below(kind: type[Failure]) -> Iterator[type[Failure]]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    statuses = documented()
    for kind in below(Failure):
        if kind.__module__.split(".")[0] in PACKAGES and "code" in vars(kind) and kind.code in statuses:
            assert str(kind.status) in statuses[kind.code], kind
