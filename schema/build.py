"""Builds the schema. Pure construction: no client, no setting, nothing is opened."""

from collections.abc import Sequence
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema import accounts, alerts
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription


class BelfrySchema(strawberry.Schema):
    """Strawberry's schema without its logging: errors are rendered and logged, masked, at the edge alone."""

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the errors to the edge."""


def build_schema(execution_context_class: type[Any] | None = None, query: type[Query] = Query) -> strawberry.Schema:
    """Build the schema; `execution_context_class` replaces graphql-core's executor, `query` is a root with more."""
    return BelfrySchema(
        query,
        Mutation,
        Subscription,
        types=[*accounts.KINDS, *alerts.KINDS],
        execution_context_class=execution_context_class,
        config=StrawberryConfig(
            scalar_map=SCALARS,
            disable_field_suggestions=True,
            enable_experimental_incremental_execution=True,  # @defer and @stream, delivered by the gateway
        ),
    )
