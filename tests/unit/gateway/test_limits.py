"""Facts about documents that attack their reader."""

import gc
import time
from collections.abc import Iterator

import pytest
import strawberry
from graphql import get_introspection_query

from contracts.failures import Rejected
from gateway.documents import Documents, InvalidDocument
from gateway.limits import Limits

REFUSED_S_MAX = 0.05


def doubled(count: int, leaf: str) -> str:
    spreads = " ".join(f"fragment F{i} on Item {{ items {{ ...F{i + 1} ...F{i + 1} }} }}" for i in range(count))
    return f"{{ item {{ ...F0 }} }} {spreads} fragment F{count} on Item {{ {leaf} }}"


ATTACKS = {
    "25 doubled fragments": doubled(25, "name"),
    "doubled fragments that end in nothing": doubled(25, "...missing"),
    "doubled spreads without fields": "{ item { ...F0 } } "
    + " ".join(f"fragment F{i} on Item {{ ...F{i + 1} ...F{i + 1} }}" for i in range(25))
    + " fragment F25 on Item { name }",
    "1,000 aliases": "{" + " ".join(f"a{i}: hello" for i in range(1000)) + "}",
    "5,000 operations": " ".join(f"query Q{i} {{ hello }}" for i in range(5000)),
    "200,000 tokens": "{" + "a " * 199_998 + "}",
    "a 5 MB comment": "#" + "x" * 5_000_000 + "\n{ hello }",
    "a 60 KB comment within bounds": "{ nothing } #" + "x" * 60_000,
    "3,000 conflicting fields": "{" + " ".join(f"item(size: {i}) {{ name }}" for i in range(3000)) + "}",
    "150 conflicting fields": "{ item { " + " ".join(f"name: cursor{i}" for i in range(150)) + "} }",
    "conflicts spread over fragments": "{ item { "
    + " ".join(f"...F{i}" for i in range(60))
    + " } } "
    + " ".join(f"fragment F{i} on Item {{ x: name y: cursor z: name w: name }}" for i in range(60)),
    "a fragment cycle": "{ item { ...A } } fragment A on Item { ...B } fragment B on Item { ...A }",
    "50 fragments that all spread each other": "{ item { ...F0 } } "
    + " ".join(f"fragment F{i} on Item {{ " + " ".join(f"...F{j}" for j in range(20)) + "}" for i in range(20)),
    "300 levels of fields": "{ item" + " { items" * 300 + " { name }" + " }" * 300 + "}",
    "600 levels of inline fragments": "{ item" + " { ... " * 600 + "{ name }" + " }" * 600 + "}",
    "900 levels of lists": "{ hello(name: " + "[" * 900 + "]" * 900 + ") }",
    "1,000 directives": "{ hello " + "@skip(if: false) " * 1000 + "}",
    "21 root fields": "{" + " ".join(f"a{i}: __typename" for i in range(21)) + "}",
    "61 fragments": "{ hello }" + " ".join(f"fragment F{i} on Item {{ name }}" for i in range(61)),
    "a wide unused fragment": "{ hello } fragment F on Item {" + "name " * 300 + "}",
}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage collection: the rubbish of earlier tests is not a document's cost."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_quickly(schema: strawberry.Schema, name: str) -> None:
    """Within 50 ms, by a bound or by validation, whatever the document says it would take."""
    documents = Documents(schema._schema)
    started = time.thread_time()
    with pytest.raises((Rejected, InvalidDocument)):
        documents.prepare(ATTACKS[name])
    assert time.thread_time() - started < REFUSED_S_MAX


def test_the_worst_allowed_document_is_quick_too(schema: strawberry.Schema) -> None:
    """The bounds are such that validating just under them stays cheap."""
    parts = " ".join(f"...F{i}" for i in range(30))
    fragments = " ".join(f"fragment F{i} on Item {{ name cursor f{i}: name }}" for i in range(30))
    documents = Documents(schema._schema)
    started = time.thread_time()
    documents.prepare(f"{{ item {{ {parts} }} }} {fragments}")
    assert time.thread_time() - started < 3 * REFUSED_S_MAX


def test_introspection_fits(schema: strawberry.Schema) -> None:
    """GraphiQL's own query is within every bound."""
    query = get_introspection_query(input_value_deprecation=True, specified_by_url=True)
    assert Documents(schema._schema).prepare(query).operations


def test_a_document_is_prepared_once(schema: strawberry.Schema) -> None:
    """The same text leads to the same prepared document, the same mistake to the same refusal."""
    documents = Documents(schema._schema)
    assert documents.prepare("{ hello }") is documents.prepare("{ hello }")
    with pytest.raises(InvalidDocument) as first:
        documents.prepare("{ nothing }")
    with pytest.raises(InvalidDocument) as second:
        documents.prepare("{ nothing }")
    assert first.value is second.value


def test_the_cache_is_bounded_by_text(schema: strawberry.Schema) -> None:
    """Many different large documents push each other out."""
    documents = Documents(schema._schema)
    for number in range(40):
        documents.prepare(f"{{ hello }} #{number}" + "x" * 50_000)
    assert documents._kept_bytes <= 1024 * 1024
    assert len(documents._kept) < 25


def test_the_message_names_the_bound(schema: strawberry.Schema) -> None:
    """A developer can tell what to change."""
    with pytest.raises(Rejected, match=r"3 aliases; at most 2"):
        Documents(schema._schema, Limits(aliases=2)).prepare("{ a: hello b: hello c: hello }")
