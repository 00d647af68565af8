"""Strawberry as its documentation shows it: its own ASGI view and executor, httpx's client with its default pool.

python -m bench.peers.stock_server PORT UPSTREAM_PORT http|memory
"""

import base64
import json
import sys
from enum import Enum
from typing import Any

import httpx
import strawberry
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader


class Upstream:
    """Calls of the services; in memory: each made once."""

    def __init__(self, port: str, source: str) -> None:
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
        self._kept: dict[str, Any] | None = {} if source == "memory" else None

    async def get(self, path: str, query: Any = None) -> Any:
        """Return the decoded answer."""
        key = f"{path}?{query}"
        if self._kept is not None and key in self._kept:
            return self._kept[key]
        answer = (await self._client.get(path, params=query)).raise_for_status().json()
        if self._kept is not None:
            self._kept[key] = answer
        return answer


def subject_of(authorization: str) -> str:
    """Return the customer of a token, unverified."""
    claims = authorization.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])


class Context:
    """What one request needs."""

    def __init__(self, upstream: Upstream, customer: str) -> None:
        self.upstream = upstream
        self.customer = customer
        self.authors = DataLoader(self._authors)
        self.accounts = DataLoader(self._accounts)
        self.pages = DataLoader(self._pages)

    async def owned(self) -> list[str]:
        """Return the customer's accounts."""
        found = await self.upstream.get(f"/customers/{self.customer}/entitlements")
        return [one["accountId"] for one in found["accounts"]]

    async def _authors(self, ids: list[str]) -> list[Any]:
        return await self._ordered("/authors", "id", ids, "id")

    async def _accounts(self, ids: list[str]) -> list[Any]:
        return await self._ordered("/accounts", "id", ids, "id")

    async def _pages(self, ids: list[str]) -> list[Any]:
        found = await self._ordered("/transactions/by-account", "accountId", ids, "accountId")
        return [one["page"] for one in found]

    async def _ordered(self, path: str, name: str, ids: list[str], key: str) -> list[Any]:
        found = {one[key]: one for one in await self.upstream.get(path, [(name, id) for id in ids])}
        return [found[id] for id in ids]


Info = strawberry.Info[Context, None]


@strawberry.enum
class TransactionStatus(Enum):
    PENDING = "PDNG"
    BOOKED = "BOOK"


@strawberry.enum
class CreditDebitIndicator(Enum):
    CREDIT = "CRDT"
    DEBIT = "DBIT"


@strawberry.enum
class AlertSeverity(Enum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


@strawberry.enum
class AlertState(Enum):
    NEW = "NEW"
    SEEN = "SEEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"


def node_id(kind: str, id: str) -> strawberry.ID:
    """Return a global id."""
    return strawberry.ID(base64.urlsafe_b64encode(f"{kind}:{id}".encode()).rstrip(b"=").decode())


@strawberry.type
class Author:
    name: str


@strawberry.type
class Post:
    title: str
    author_id: strawberry.Private[str]

    @strawberry.field
    async def author(self, info: Info) -> Author:
        return Author(name=(await info.context.authors.load(self.author_id))["name"])


@strawberry.type
class Money:
    amount: str
    currency: str


@strawberry.type
class Merchant:
    name: str
    category: str


@strawberry.type
class Transaction:
    id: strawberry.ID
    status: TransactionStatus
    credit_debit_indicator: CreditDebitIndicator
    amount: Money
    booking_date: str | None
    occurred_at: str
    merchant: Merchant | None
    counterparty: str | None
    remittance_information: str | None
    category: str


def transaction_of(one: Any) -> Transaction:
    """Return the GraphQL object of a transaction."""
    merchant = one.get("merchant")
    return Transaction(
        id=node_id("Transaction", one["id"]),
        status=TransactionStatus(one["status"]),
        credit_debit_indicator=CreditDebitIndicator(one["creditDebitIndicator"]),
        amount=Money(**one["amount"]),
        booking_date=one.get("bookingDate"),
        occurred_at=one["occurredAt"],
        merchant=Merchant(name=merchant["name"], category=merchant["category"]) if merchant else None,
        counterparty=one.get("counterparty"),
        remittance_information=one.get("remittanceInformation"),
        category=one["category"],
    )


@strawberry.type
class TransactionConnection:
    nodes: list[Transaction]


@strawberry.interface
class Account:
    id: strawberry.ID
    display_name: str
    currency: str
    account_id: strawberry.Private[str]

    @strawberry.field
    async def transactions(self, info: Info, first: int = 20) -> TransactionConnection | None:  # noqa: ARG002 (the page)
        page = await info.context.pages.load(self.account_id)
        return TransactionConnection(nodes=[transaction_of(edge["node"]) for edge in page["edges"]])


@strawberry.type
class CurrentAccount(Account):
    pass


@strawberry.type
class SavingsAccount(Account):
    pass


@strawberry.type
class SpendingInsight:
    key: str
    total: Money
    transaction_count: int


@strawberry.type
class SpendingReport:
    total: Money
    groups: list[SpendingInsight]


@strawberry.interface
class Alert:
    id: strawberry.ID
    severity: AlertSeverity
    state: AlertState
    title: str
    body: str
    occurred_at: str


@strawberry.type
class LargeTransactionAlert(Alert):
    pass


@strawberry.type
class LowBalanceAlert(Alert):
    pass


@strawberry.type
class AlertConnection:
    nodes: list[Alert]


@strawberry.input
class PeriodInput:
    start: str
    end: str


def account_of(one: Any) -> Account:
    """Return the GraphQL object of an account."""
    kind = CurrentAccount if one["kind"] == "CACC" else SavingsAccount
    id = node_id("Account", one["id"])
    return kind(id=id, display_name=one["displayName"], currency=one["currency"], account_id=one["id"])


def alert_of(one: Any) -> Alert:
    """Return the GraphQL object of an alert."""
    kind = LargeTransactionAlert if one["kind"] == "LARGE_TRANSACTION" else LowBalanceAlert
    return kind(
        id=node_id("Alert", one["id"]),
        severity=AlertSeverity(one["severity"]),
        state=AlertState(one["state"]),
        title=one["title"],
        body=one["body"],
        occurred_at=one["occurredAt"],
    )


@strawberry.type
class Customer:
    @strawberry.field
    async def accounts(self, info: Info) -> list[Account] | None:
        found = await info.context.accounts.load_many(await info.context.owned())
        return [account_of(one) for one in found]

    @strawberry.field
    async def spending(self, info: Info, period: PeriodInput) -> SpendingReport | None:
        query = [("accountId", id) for id in await info.context.owned()]
        query += [("from", period.start), ("to", period.end), ("groupBy", "CATEGORY")]
        report = await info.context.upstream.get("/spending", query)
        groups = [
            SpendingInsight(key=one["key"], total=Money(**one["total"]), transaction_count=one["transactionCount"])
            for one in report["groups"]
        ]
        return SpendingReport(total=Money(**report["total"]), groups=groups)

    @strawberry.field
    async def alerts(self, info: Info, first: int = 20) -> AlertConnection | None:
        page = await info.context.upstream.get(
            "/alerts", [("customerId", info.context.customer), ("first", str(first))]
        )
        return AlertConnection(nodes=[alert_of(edge["node"]) for edge in page["edges"]])


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"

    @strawberry.field
    async def posts(self, info: Info) -> list[Post]:
        found = await info.context.upstream.get("/posts")
        return [Post(title=one["title"], author_id=one["authorId"]) for one in found]

    @strawberry.field
    def viewer(self) -> Customer:
        return Customer()


class Server(GraphQL[Context, None]):
    """Strawberry's own view."""

    upstream: Upstream

    async def get_context(self, request: Any, response: Response | Any) -> Context:  # noqa: ARG002 (the base's)
        assert isinstance(request, Request)
        return Context(self.upstream, subject_of(request.headers["authorization"]))


def main() -> None:
    """Serve until SIGTERM."""
    port, upstream_port, source = sys.argv[1:]
    kinds = [CurrentAccount, SavingsAccount, LargeTransactionAlert, LowBalanceAlert]
    app = Server(strawberry.Schema(Query, types=kinds))
    app.upstream = Upstream(upstream_port, source)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
