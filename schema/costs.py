"""What a field costs, said in the schema: `@cost` and `@listSize` of the GraphQL cost specification (IBM, 2020).

The gateway reads them before it executes anything (gateway/costs.py). Where a field says nothing, an object costs 1, a
scalar nothing, a mutation 10, and a list is taken to have ten items.
"""

import strawberry
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="What resolving the field costs, beside what it returns: a whole number as text.",
)
class Cost:
    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="How many items a list has: what a slicing argument says (a period: its days), or the assumed size.",
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=strawberry.UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=strawberry.UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=strawberry.UNSET)
    require_one_slicing_argument: bool = strawberry.directive_field(name="requireOneSlicingArgument", default=False)


PAGE = ListSize(slicing_arguments=["first"], sized_fields=["edges", "nodes"])
"""A connection: its page has as many items as `first` says."""
DAYS = ListSize(slicing_arguments=["period"])
"""At most an item for each day."""
GROUPS = ListSize(slicing_arguments=["period"], sized_fields=["groups"])
"""A report's groups: at most as many as days where they are days, about as many at most where they are merchants."""
POINTS = ListSize(slicing_arguments=["days"], sized_fields=["points"])
"""A forecast: a point for each day."""
REPORT = Cost(weight="20")
"""Computed by the analytics service over the whole history of the accounts."""
PREVIEW = Cost(weight="200")
"""A rule tried on the transactions of up to a year."""
