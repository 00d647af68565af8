"""Ariadne as its documentation shows it: schema first, its own ASGI application, httpx's client with its default pool.

python -m bench.peers.ariadne_server PORT UPSTREAM_PORT http|memory
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from ariadne import (
    EnumType,
    InterfaceType,
    ObjectType,
    QueryType,
    load_schema_from_path,
    make_executable_schema,
)
from ariadne.asgi import GraphQL
from starlette.requests import Request

from bench.peers.stock_server import Context, Upstream, node_id, subject_of

query, customer, post = QueryType(), ObjectType("Customer"), ObjectType("Post")
account, alert = InterfaceType("Account"), InterfaceType("Alert")
transaction, pages, alerts = (
    ObjectType("Transaction"),
    ObjectType("TransactionConnection"),
    ObjectType("AlertConnection"),
)
enums = [
    EnumType("TransactionStatus", {"PENDING": "PDNG", "BOOKED": "BOOK"}),
    EnumType("CreditDebitIndicator", {"CREDIT": "CRDT", "DEBIT": "DBIT"}),
]

query.set_field("hello", lambda *_: "world")
query.set_field("viewer", lambda *_: {})


@query.field("posts")
async def resolve_posts(_: Any, info: Any) -> Any:
    """Return the list."""
    return await info.context.upstream.get("/posts")


@post.field("author")
async def resolve_author(root: Any, info: Any) -> Any:
    """Return who wrote a post."""
    return await info.context.authors.load(root["authorId"])


@customer.field("accounts")
async def resolve_accounts(_: Any, info: Any) -> Any:
    """Return the customer's accounts."""
    return await info.context.accounts.load_many(await info.context.owned())


@customer.field("spending")
async def resolve_spending(_: Any, info: Any, period: Any) -> Any:
    """Return the report of a period."""
    asked = [("accountId", id) for id in await info.context.owned()]
    asked += [("from", period["start"]), ("to", period["end"]), ("groupBy", "CATEGORY")]
    return await info.context.upstream.get("/spending", asked)


@customer.field("alerts")
async def resolve_alerts(_: Any, info: Any, first: int) -> Any:
    """Return a page of alerts."""
    return await info.context.upstream.get("/alerts", [("customerId", info.context.customer), ("first", str(first))])


@account.field("transactions")
async def resolve_transactions(root: Any, info: Any, first: int) -> Any:  # noqa: ARG001 (the page)
    """Return a page of an account."""
    return await info.context.pages.load(root["id"])


def resolve_nodes(root: Any, _: Any) -> Any:
    """Return what a page holds."""
    return [edge["node"] for edge in root["edges"]]


pages.set_field("nodes", resolve_nodes)
alerts.set_field("nodes", resolve_nodes)
account.set_field("id", lambda root, _: node_id("Account", root["id"]))
alert.set_field("id", lambda root, _: node_id("Alert", root["id"]))
transaction.set_field("id", lambda root, _: node_id("Transaction", root["id"]))
account.set_type_resolver(lambda root, *_: "CurrentAccount" if root["kind"] == "CACC" else "SavingsAccount")
alert.set_type_resolver(
    lambda root, *_: "LargeTransactionAlert" if root["kind"] == "LARGE_TRANSACTION" else "LowBalanceAlert"
)


def main() -> None:
    """Serve until SIGTERM."""
    port, upstream_port, source = sys.argv[1:]
    upstream = Upstream(upstream_port, source)
    schema = make_executable_schema(
        load_schema_from_path(str(Path(__file__).parent / "schema.graphql")),
        query, customer, post, account, alert, transaction, pages, alerts, *enums,
    )  # fmt: skip

    def context(request: Request, _: Any) -> Context:
        return Context(upstream, subject_of(request.headers["authorization"]))

    uvicorn.run(
        GraphQL(schema, context_value=context), host="127.0.0.1", port=int(port), log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
