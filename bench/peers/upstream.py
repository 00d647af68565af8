"""What all servers of the benchmark ask: answers of Belfry's services for many customers, made once, kept in memory.

As little as an HTTP server can be, so that the core it shares with the load is never the limit.
"""

import asyncio
import re
from typing import Any

import msgspec

from contracts.accounts import Account, Entitlement, Entitlements
from contracts.alerts import AlertEdge, AlertPage, LargeTransactionAlert
from contracts.insights import SpendingInsight, SpendingReport
from contracts.money import Money
from contracts.transactions import (
    AccountTransactionPage,
    Transaction,
    TransactionEdge,
    TransactionMerchant,
    TransactionPage,
)
from contracts.vocabulary import (
    AccountKind,
    AccountStatus,
    AccountUsage,
    AlertSeverity,
    AlertState,
    CreditDebitIndicator,
    HolderRole,
    SpendingCategory,
    TransactionStatus,
)

CUSTOMERS = 200
ACCOUNTS, TRANSACTIONS, GROUPS, ALERTS = 5, 20, 20, 20
POSTS, AUTHORS = 100, 10
AT = "2026-11-20T10:00:00Z"
PERIOD = {"start": "2026-11-01", "end": "2026-11-30"}

_TARGET = re.compile(
    rb"(?:GET|POST) (/[a-z-]+)(?:/(c\d+|by-account))?[^ ]*?(?:\?(?:accountId|id|customerId)=(c\d+))?[^ ]* HTTP"
)


def _account(customer: str, n: int) -> Account:
    return Account(
        id=f"{customer}-a{n}", kind=AccountKind.CURRENT, display_name=f"Account {n}", currency="EUR",
        status=AccountStatus.ENABLED, usage=AccountUsage.PRIVATE, opened_on="2020-01-01", holders=[],
    )  # fmt: skip


def _transaction(account_id: str, n: int) -> Transaction:
    return Transaction(
        f"{account_id}-t{n}", account_id, TransactionStatus.BOOKED, CreditDebitIndicator.DEBIT,
        Money(f"{n}.99", "EUR"), AT, SpendingCategory.GROCERIES, booking_date="2026-11-20",
        merchant=TransactionMerchant(f"Shop {n}", SpendingCategory.GROCERIES), counterparty=f"Shop {n}",
        remittance_information="Thank you",
    )  # fmt: skip


def _alert(customer: str, n: int) -> LargeTransactionAlert:
    return LargeTransactionAlert(
        id=f"{customer}-alert{n}", customer_id=customer, seq=n + 1, severity=AlertSeverity.MEDIUM, state=AlertState.NEW,
        title="A large payment", body="You paid a lot.", occurred_at=AT, raised_at=AT, rule_id="bank-large",
        rule_version=1, reasons=[], amount=Money("900.00", "EUR"), threshold=Money("500.00", "EUR"),
    )  # fmt: skip


def answers_of(customer: str) -> dict[bytes, Any]:
    """Return what the services know of a customer, by the first part of the path."""
    accounts = [_account(customer, n) for n in range(ACCOUNTS)]
    pages = [
        AccountTransactionPage(
            one.id,
            TransactionPage([TransactionEdge(f"c{n}", _transaction(one.id, n)) for n in range(TRANSACTIONS)], False),
        )
        for one in accounts
    ]
    groups = [SpendingInsight(f"G{n}", Money("9.99", "EUR"), n, Money("0.00", "EUR")) for n in range(GROUPS)]
    total = Money("199.80", "EUR")
    return {
        b"/customers": Entitlements(customer, [Entitlement(one.id, HolderRole.OWNER) for one in accounts], [], []),
        b"/accounts": accounts,
        b"/transactions": pages,
        b"/spending": SpendingReport(PERIOD["start"], PERIOD["end"], "EUR", ["EUR"], total, total, groups),
        b"/alerts": AlertPage([AlertEdge(f"c{n}", _alert(customer, n)) for n in range(ALERTS)], False),
    }


def _http(value: Any) -> bytes:
    body = msgspec.json.encode(value)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


class Upstream:
    """The answers, and how many were given."""

    def __init__(self) -> None:
        self.calls = 0
        self._answers = {
            (path, customer.encode()): _http(value)
            for customer in (f"c{n}" for n in range(CUSTOMERS))
            for path, value in answers_of(customer).items()
        }
        posts = [{"title": f"Post {n}", "authorId": f"w{n % AUTHORS}"} for n in range(POSTS)]
        self._answers[b"/posts", b""] = _http(posts)
        self._answers[b"/authors", b""] = _http([{"id": f"w{n}", "name": f"Author {n}"} for n in range(AUTHORS)])

    def answer(self, head: bytes) -> bytes:
        """Return the answer to a request, from its first line."""
        found = _TARGET.match(head)
        if found is None:
            raise LookupError(head)
        path, within, named = found.groups()
        self.calls += 1
        customer = named or (within if within and within[:1] == b"c" else b"") or b""
        return self._answers[path, customer]

    async def serve(self, port: int) -> asyncio.Server:
        """Listen on a port of this machine."""
        return await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", port)


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            self._transport.write(self._upstream.answer(data))
            data = data[end + 4 :]
        self._rest = data
