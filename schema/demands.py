"""What a field demands of its caller, said in the schema: `@requiresScopes` and `@requiresStepUp`.

The gateway reads them and decides before anything is executed (gateway/authorization.py), from the document alone.
Every path begins at a root field, so every root field names its scopes; a test says so.
"""

import strawberry
from strawberry.schema_directive import Location

from contracts.scopes import TokenScope


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="The token must hold all scopes of at least one of the lists.",
)
class RequiresScopes:
    scopes: list[list[str]] = strawberry.directive_field(name="scopes")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="The customer must have signed in strongly or a short while ago (RFC 9470); else STEP_UP_REQUIRED.",
)
class RequiresStepUp:
    pass


READING = RequiresScopes(scopes=[[TokenScope.ACCOUNTS.value]])
ALERTING = RequiresScopes(scopes=[[TokenScope.ALERTS.value]])
CARDS = RequiresScopes(scopes=[[TokenScope.CARDS.value]])
DEVICES = RequiresScopes(scopes=[[TokenScope.DEVICES.value]])
STEP_UP = RequiresStepUp()
