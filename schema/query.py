"""The root of queries."""

from typing import Annotated

import strawberry

from resolvers import customers
from resolvers import nodes as resolvers
from resolvers.context import Info
from schema.costs import ListSize
from schema.customers import Customer
from schema.demands import READING
from schema.nodes import Node
from schema.views import argument, field


async def _node(info: Info, id: Annotated[strawberry.ID, argument("A global id.")]) -> object | None:
    return await resolvers.node(info, id)


async def _nodes(
    info: Info, ids: Annotated[list[strawberry.ID], argument("Global ids, at most 100.")]
) -> list[object | None]:
    return await resolvers.nodes(info, ids)


@strawberry.type(description="What can be asked.")
class Query:
    viewer: Customer = field("The signed-in customer.", resolver=customers.viewer, demands=[READING])
    node: Node | None = field(
        "The object with a global id; null for what does not exist and for what is not yours, alike.",
        resolver=_node,
        demands=[READING],
    )
    nodes: list[Node | None] = field(
        "The objects with these global ids, in order; null for what `node` answers null.",
        resolver=_nodes,
        costs=[ListSize(slicing_arguments=["ids"])],
        demands=[READING],
    )
