"""Fields with resolvers: arguments, order, awaiting and failing are graphql-core's."""

from typing import Any

import pytest
from graphql import parse

from tests.unit.gateway.plans.odd_schema import Box, World
from tests.unit.gateway.plans.ways import Ways, dog, thing


@pytest.mark.parametrize("variables", [{}, {"n": None}, {"n": 5}, {"n": 5, "w": {"words": ["x"], "colour": "GREEN"}}])
async def test_arguments_come_from_literals_variables_and_defaults(ways: Ways, variables: dict[str, Any]) -> None:
    """One place's arguments are not another's, and a list that a resolver changes is made anew."""
    text = (
        'query ($n: Int, $w: Wish) { strict { a: echo b: echo(number: 3, code: "x") c: echo(number: $n, wish: $w) '
        'd: echo(wish: {words: ["y"]}) } }'
    )
    seen = await ways.both(text, thing(), thing(), **variables)
    assert len(seen.effects) == 9


async def test_a_bad_argument_is_an_error_of_each_field(ways: Ways) -> None:
    """A variable that may be null for an argument that may not fails at the field, once for each parent."""
    seen = await ways.both("query ($n: Int) { pets { ... on Dog { trick(times: $n) } } }", pets=(dog(), dog()), n=None)
    assert len(seen.errors) == 2


async def test_loads_are_batched_alike(ways: Ways) -> None:
    """Loaders are asked for the same keys in the same batches."""
    text = "{ things { friend { friend { id } text } needed { id } } thing(key: 1) { friend { id } } }"
    seen = await ways.both(text, thing(friend_id=1), thing(friend_id=0), thing(friend_id=1))
    assert seen.effects[0] == ("things", 3)


async def test_mutations_run_one_after_the_other(ways: Ways) -> None:
    """Root fields of a mutation see what the ones before them did, and a failing one stops none after it."""
    first = "a: later(by: 2) { before after } b: bump { before thing { text } }"
    text = f"mutation {{ {first} c: later(by: 9) {{ after }} d: bump(by: 4) {{ after }} }}"
    seen = await ways.both(text)
    assert '"b": {"before": 2' in seen.data
    assert seen.effects == [("bump", 2, 0), ("bump", 1, 2), ("bump", 4, 3)]


async def test_awaitables_in_lists_are_awaited(ways: Ways) -> None:
    """Items that have to be awaited are completed in place, whichever kind their neighbours are."""
    await ways.both("{ strict { soon { text number } } }", thing(), thing(box=None), thing(box=Box(1, None, 1)))


async def test_a_field_the_type_does_not_have_is_left_out(ways: Ways) -> None:
    """A document that was not validated is executed as graphql-core executes it."""
    seen = await ways.both("{ things { nonsense text box { neither } } }")
    assert seen.data == '{"things": [{"text": "text", "box": {}}]}'


async def test_introspection_is_answered_alike(ways: Ways) -> None:
    """Types of graphql-core itself are executed field by field."""
    await ways.both('{ __schema { types { name kind fields { name } } } __type(name: "Box") { name } }')


async def test_a_plan_holds_nothing_of_a_request(ways: Ways) -> None:
    """Two executions of one plan at the same time, each with its own variables, do not meet."""
    document = parse("query ($n: Int) { strict { echo(number: $n) friend { echo(number: $n) } } }")
    schema = ways.compiled
    executors: list[Any] = [
        schema.execution_context_class.build(
            schema._schema, document, None, World([thing()], [], frozenset()), {"n": n}
        )
        for n in (1, 2)
    ]
    first, second = [executor.execute_operation() for executor in executors]
    assert "2 None None" in str((await second).data)
    assert "1 None None" in str((await first).data)
