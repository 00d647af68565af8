"""The differential test finds bugs: each one planted here makes it fail."""

import asyncio
import copy
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest
import strawberry

import gateway.plans
from tests.examples import TIMES
from tests.unit.gateway.plans.differences import difference
from tests.unit.gateway.plans.odd_schema import OddTypes, odd_schema

SEEDS_MAX = 400
"""Cases within which each planted bug must show."""
PACKAGE = Path(gateway.plans.__file__).parent
NAME = "planted"


STOCK: Any = odd_schema()


class Bug(NamedTuple):
    """A change of one line of the package; `seed` is where looking for it begins, so that it shows soon."""

    file: str
    line: str
    instead: str
    seed: int = 0


BUGS = {
    "nulls pass where none may be": Bug("codegen", "nullable=at_null is None)", "nullable=True)", 65),
    "integers are not bounded": Bug("leaves", " and -2147483648 <= {value} <= 2147483647", "", 17),
    "any coercion is an answer": Bug("leaves", "if type(coerced) not in ANSWERS:", "if False:", 106),
    "strings pass for lists": Bug("codegen", " and type({value}) is not tuple: raise Odd", " is None: raise Odd", 436),
    "properties pass for attributes": Bug("reads", "and attributes.issubset(cls.__struct_fields__)", "or True", 9),
    "objects are not told apart": Bug("reads", "fits = self._expected is None or", "fits = True or", 2),
    "a kind is taken for its class": Bug(
        "codegen", "if name is not None and type(value) in classes.known:", "if True:", 361
    ),
    "a type's own fields are not chosen": Bug("codegen", "name = self._types.by_class(value)", 'name = "Cat"', 5),
    "@skip is not in the key": Bug("cache", "coerced.get(name, MISSING) for name", "MISSING for name", 0),
    "fragments are not in the key": Bug("cache", ", *map(id, executor.fragment_definitions.values()))", ")", 7),
    "mutations run at once": Bug("executor", "is OperationType.MUTATION", "is None", 18),
    "odd values are null": Bug("executor", "return self.complete_value(", "return None and self.complete_value(", 0),
    "arguments are shared by places": Bug("executor", "id(field)", "id(field.definition)", 9),
    "changed arguments are kept": Bug("calls", "if not isinstance(value, IMMUTABLE):", "if False:", 22),
    "errors of what is awaited stay where they are": Bug(
        "executor",
        "return self._await_completed(completed, field.definition.type, field.details, path)",
        "return completed",
        36,
    ),
    "what is loaded is not completed": Bug("pending", "completed = self.complete(source.result())", "completed = 0", 6),
    "an error of what is loaded is null": Bug(
        "pending", "self.fail(error)\n            return", "self.settle(None)\n            return", 9
    ),
    "loads are given to other rows": Bug("executor", "table.indices, loads)", "table.indices, loads[::-1])", 22),
    "what cannot be asked for is null": Bug(
        "executor",
        "if asked is not None:\n                columns += asked",
        "if True:\n                columns += asked or []",
        13,
    ),
    "an odd field of a row is null": Bug(
        "pending",
        "if index not in odd:\n                    self._part(index)",
        "rows[index][column.field.response_name] = None",
        9,
    ),
    "an odd row's other fields are forgotten": Bug(
        "pending",
        "            if index in column.indices",
        "            if index in column.indices and column.field is self.columns[0].field",
        9,
    ),
    "what is computed is read instead": Bug("reads", "return Read(None, computed)", 'return Read("text", None)', 2),
    "nulls are written where none may be": Bug(
        "texts", "self._write_structured(pieces, type_.of_type,", "self._write(pieces, type_.of_type,"
    ),
    "numbers written are not looked at": Bug("texts", 'pieces.line(f"if not ({usual}): raise Odd")', "pass", 0),
    "objects written are of any class": Bug("texts", "self._plain_class(pieces, fields, ", "(pieces, fields, ", 0),
    "lists are written without their ends": Bug("texts", 'pieces.say("]")', 'pieces.say("")', 0),
    "a failed run is not redone": Bug(
        "executor",
        "these fields, graphql-core will say)\n                        pass",
        "these fields)\n                        continue",
        2,
    ),
}


class Planting(MetaPathFinder, InspectLoader):
    """Imports the package under another name, with one bug in it; what the bug is not in is compiled once."""

    def __init__(self, bug: Bug) -> None:
        self._bug = bug

    def find_spec(self, fullname: str, *_more: Any) -> ModuleSpec | None:
        """Return where `planted.…` comes from: this."""
        package, _, module = fullname.partition(".")
        return spec_from_loader(fullname, self, is_package=not module) if package == NAME else None

    def get_source(self, fullname: str) -> str:
        """Return the text of a module, changed where it is the one with the bug."""
        module = fullname.partition(".")[2] or "__init__"
        text = (PACKAGE / f"{module}.py").read_text().replace("gateway.plans", NAME)
        if module != self._bug.file:
            return text
        assert self._bug.line in text, "the bug is not where it was"
        return text.replace(self._bug.line, self._bug.instead)

    def get_code(self, fullname: str) -> CodeType:
        """Return a module's code."""
        return _compiled(self.get_source(fullname), fullname)


@cache
def _compiled(text: str, name: str) -> CodeType:
    return Planting.source_to_code(text, f"<{name}>")


@contextmanager
def planted(bug: Bug) -> Iterator[strawberry.Schema]:
    """Yield the odd schema on a copy of the package that has the bug."""
    planting = Planting(bug)
    sys.meta_path.insert(0, planting)
    try:
        cache, executor = [importlib.import_module(f"{NAME}.{module}") for module in ("cache", "executor")]
        schema = copy.copy(STOCK)
        schema.execution_context_class = executor.compiled_executor(cache.PlanCache(OddTypes(), compile_after=0))
        yield schema
    finally:
        sys.meta_path.remove(planting)
        for module in [one for one in sys.modules if one.partition(".")[0] == NAME]:
            del sys.modules[module]


async def _found(schema: strawberry.Schema, first: int) -> bool:
    for seed in range(first, first + SEEDS_MAX):
        try:
            if await difference(seed, STOCK, schema) is not None:
                return True
        except Exception:  # noqa: BLE001 (an execution that fails as a whole is a difference too)
            return True
    return False


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    """Within a bounded number of cases the two ways differ."""
    with planted(BUGS[name]) as schema:
        assert asyncio.run(_found(schema, BUGS[name].seed))


def test_the_package_without_a_bug_is_not_accused() -> None:
    """The copy itself makes no difference: it is the bugs that are found."""
    with planted(Bug("codegen", "OBJECTS_MAX = 200", "OBJECTS_MAX = 200")) as schema:
        seeds = sorted({bug.seed for bug in BUGS.values()})[:: 2 if TIMES >= 1 else 6]
        assert [asyncio.run(difference(seed, STOCK, schema)) for seed in seeds] == [None] * len(seeds)
