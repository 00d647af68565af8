"""Facts about how errors of arguments are rendered: they are the client's, whoever finds them."""

import pytest
from graphql import GraphQLError
from strawberry.exceptions import StrawberryInputCoercionError

from gateway.errors import BAD_VARIABLES, INTERNAL, render_errors
from tests.unit.resolvers.services import SCHEMA, Services, context_of

TWO_KEYS = '{name: "r", severity: LOW, condition: {}}'


async def test_an_input_of_none_of_its_alternatives_is_the_clients_mistake() -> None:
    """Strawberry finds it only while executing, and says it by an error of its own that has no place."""
    text = f"{{ viewer {{ alertRulePreview(input: {TWO_KEYS}) {{ __typename }} }} }}"
    result = await SCHEMA.execute(text, context_value=context_of(Services()))
    cause = StrawberryInputCoercionError("must specify exactly one key")
    found = [*(result.errors or []), GraphQLError("", original_error=cause)]
    rendered = render_errors(found, "trace")
    assert [one["extensions"]["code"] for one in rendered] == [BAD_VARIABLES, BAD_VARIABLES]
    assert "exactly one key" in rendered[0]["message"]


@pytest.mark.parametrize("cause", [ValueError("secret"), GraphQLError("Cannot return null for non-nullable field.")])
def test_what_is_not_about_the_document_stays_inside(cause: Exception) -> None:
    """Neither our mistakes nor what graphql-core says of results."""
    (rendered,) = render_errors([GraphQLError("secret", original_error=cause)], "trace")
    assert rendered == {"message": "Internal error.", "extensions": {"code": INTERNAL, "traceId": "trace"}}
