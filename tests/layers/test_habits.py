"""The habits that keep the code readable: small files, telling names, nothing left for later, tests of facts."""

import ast
import re
from pathlib import Path

import pytest
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
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def test_every_module_is_short_enough_to_read_at_once(sources: list[Source]) -> None:
    """No module is longer than the bound; the habit is about 150 lines."""
    assert [str(source.path) for source in sources if source.text.count("\n") > LINES_MAX] == []


def test_every_module_is_named_for_what_it_holds(sources: list[Source]) -> None:
    """No module hides under a name that could hold anything."""
    assert [str(source.path) for source in sources if source.path.stem in NAMES_THAT_SAY_NOTHING] == []


def test_every_module_opens_with_what_it_is(sources: list[Source]) -> None:
    """Each module has a docstring."""
    assert [str(source.path) for source in sources if not ast.get_docstring(ast.parse(source.text))] == []


def test_nothing_is_left_for_later(sources: list[Source]) -> None:
    """No marker of unfinished work is on main, in the code or in its tests."""
    texts = {str(source.path): source.text for source in sources} | {str(path): path.read_text() for path in TESTS}
    assert [path for path, text in texts.items() if LEFT_FOR_LATER.search(text)] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT / "tests")))
def test_every_test_states_its_fact(path: Path) -> None:
    """Each test has a docstring."""
    tests = (node for node in ast.walk(ast.parse(path.read_text())) if _is_test(node))
    assert [node.name for node in tests if not ast.get_docstring(node)] == []


def _is_test(node: ast.AST) -> TypeIs[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
