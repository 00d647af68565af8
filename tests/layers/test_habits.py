"""The habits that keep the code readable: small files, telling names, nothing left for later, tests of facts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from typing_extensions import TypeIs

from tests.layers.sources import Source

ROOT = Path(__file__).parents[2]
LINES_MAX = 400
NAMES_THAT_SAY_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "managers",
    "base",
    "misc",
    "logic",
}
# The code of no currency (ISO 4217) looks like one more such mark: it is not among them.
LEFT_FOR_LATER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|HA" + r"CK)\b")
DRAWN = re.compile(r"^ *@given\(", re.MULTILINE)
BOUNDED = re.compile(r"^ *@(?:examples\(|RUN$)", re.MULTILINE)
TESTS = {path: path.read_text() for path in sorted((ROOT / "tests").rglob("test_*.py"))}


def test_every_module_is_short_enough_to_read_at_once(sources: list[Source]) -> None:
    """No module is longer than the bound; the habit is about 150 lines."""
    assert [str(source.path) for source in sources if source.text.count("\n") > LINES_MAX] == []


def test_every_module_is_named_for_what_it_holds(sources: list[Source]) -> None:
    """No module hides under a name that could hold anything."""
    assert [str(source.path) for source in sources if source.path.stem in NAMES_THAT_SAY_NOTHING] == []


def test_every_module_opens_with_what_it_is(sources: list[Source]) -> None:
    """Each module has a docstring."""
    assert [str(source.path) for source in sources if not ast.get_docstring(source.tree)] == []


def test_nothing_is_left_for_later(sources: list[Source]) -> None:
    """No marker of unfinished work is on main, in the code or in its tests."""
    texts = {str(source.path): source.text for source in sources} | {str(path): text for path, text in TESTS.items()}
    assert [path for path, text in texts.items() if LEFT_FOR_LATER.search(text)] == []


def test_every_test_states_its_fact() -> None:
    """Each test has a docstring."""
    silent = {
        str(path.relative_to(ROOT)): [node.name for node in _tests(text) if not ast.get_docstring(node)]
        for path, text in TESTS.items()
    }
    assert {path: names for path, names in silent.items() if names} == {}


def test_every_property_says_how_many_examples_it_is_worth() -> None:
    """By `@examples`, so that a run takes seconds and a thorough one multiplies them all."""
    counts = {
        str(path.relative_to(ROOT)): (len(DRAWN.findall(text)), len(BOUNDED.findall(text)))
        for path, text in TESTS.items()
    }
    assert {path: count for path, count in counts.items() if count[0] > count[1]} == {}
    assert sum(drawn for drawn, _ in counts.values()) > 20


def _tests(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the tests of a module, those in classes too."""
    for node in ast.parse(text).body:
        yield from filter(_is_test, node.body if isinstance(node, ast.ClassDef) else [node])


def _is_test(node: ast.AST) -> TypeIs[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
