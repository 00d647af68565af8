"""The dashboard without services: structs made once, clients that answer with them, and the same answer by hand."""

import asyncio
from typing import Any, cast

from clients.accounts import AccountsClient
from clients.analytics import AnalyticsClient
from clients.backends import Backends
from clients.deadline import Deadline, Errand
from clients.events import EventsClient
from clients.routes import Query
from contracts.accounts import Account, Balance, Customer, Entitlement, Entitlements
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
    BalanceType,
    CreditDebitIndicator,
    HolderRole,
    SpendingCategory,
    TransactionStatus,
)
from resolvers.context import RequestContext
from resolvers.cursors import CursorCodec
from resolvers.feed import FeedPort
from resolvers.node_ids import encode_node_id
from resolvers.principal import Principal

CUSTOMER = "anna"
ACCOUNTS, TRANSACTIONS, GROUPS, ALERTS = 5, 20, 20, 20
AT = "2026-11-20T10:00:00Z"
PRINCIPAL = Principal(CUSTOMER, CUSTOMER, frozenset(), 2e9)
CURSORS = CursorCodec([b"k" * 32])
PERIOD = {"start": "2026-11-01", "end": "2026-11-30"}

DASHBOARD = """
query Dashboard($period: PeriodInput!) {
  viewer {
    givenName
    accounts {
      __typename id displayName currency
      balance { amount { amount currency } creditDebitIndicator }
      transactions(first: 20) {
        nodes {
          id status creditDebitIndicator amount { amount currency } bookingDate occurredAt
          merchant { name category } counterparty remittanceInformation category
        }
      }
    }
    spending(period: $period) { total { amount currency } groups { key total { amount currency } transactionCount } }
    alerts(first: 20) { nodes { __typename id severity state title body occurredAt } }
  }
}
"""


def _account(n: int) -> Account:
    return Account(
        id=f"a{n}", kind=AccountKind.CURRENT, display_name=f"Account {n}", currency="EUR",
        status=AccountStatus.ENABLED, usage=AccountUsage.PRIVATE, opened_on="2020-01-01", holders=[],
    )  # fmt: skip


def _transaction(account: int, n: int) -> Transaction:
    return Transaction(
        f"t{account}-{n}", f"a{account}", TransactionStatus.BOOKED, CreditDebitIndicator.DEBIT,
        Money(f"{n}.99", "EUR"), AT, SpendingCategory.GROCERIES, booking_date="2026-11-20",
        merchant=TransactionMerchant(f"Shop {n}", SpendingCategory.GROCERIES), counterparty=f"Shop {n}",
        remittance_information="Thank you",
    )  # fmt: skip


def _alert(n: int) -> LargeTransactionAlert:
    return LargeTransactionAlert(
        id=f"alert{n}", customer_id=CUSTOMER, seq=n + 1, severity=AlertSeverity.MEDIUM, state=AlertState.NEW,
        title="A large payment", body="You paid a lot.", occurred_at=AT, raised_at=AT, rule_id="bank-large",
        rule_version=1, reasons=[], amount=Money("900.00", "EUR"), threshold=Money("500.00", "EUR"),
    )  # fmt: skip


def _page(account: int) -> TransactionPage:
    return TransactionPage([TransactionEdge(f"c{n}", _transaction(account, n)) for n in range(TRANSACTIONS)], False)


class MemoryServices(AccountsClient, EventsClient, AnalyticsClient):
    """The calls the dashboard makes, answered with what was made beforehand."""

    def __init__(self) -> None:
        self.backends = Backends(self, self, self)
        self._accounts = {f"a{n}": _account(n) for n in range(ACCOUNTS)}
        self._pages = {f"a{n}": AccountTransactionPage(f"a{n}", _page(n)) for n in range(ACCOUNTS)}
        self._alerts = AlertPage([AlertEdge(f"c{n}", _alert(n)) for n in range(ALERTS)], False)
        groups = [SpendingInsight(f"G{n}", Money("9.99", "EUR"), n, Money("0.00", "EUR")) for n in range(GROUPS)]
        total = Money("199.80", "EUR")
        self._report = SpendingReport(PERIOD["start"], PERIOD["end"], "EUR", ["EUR"], total, total, groups)

    async def customers(self, ids: list[str], deadline: Deadline) -> list[Customer]:  # noqa: ARG002 (the client's)
        return [Customer(id, "Anna", "Ahrens", "de-DE", "Europe/Berlin", "DE") for id in ids]

    async def entitlements(self, customer_id: str, deadline: Deadline) -> Entitlements:  # noqa: ARG002 (the same)
        return Entitlements(customer_id, [Entitlement(id, HolderRole.OWNER) for id in self._accounts], [], [])

    async def accounts(self, ids: list[str], deadline: Deadline) -> list[Account]:  # noqa: ARG002 (the same)
        return [self._accounts[id] for id in ids]

    async def balances(self, ids: list[str], deadline: Deadline) -> list[Balance]:  # noqa: ARG002 (the same)
        amount = Money("50.00", "EUR")
        return [Balance(id, BalanceType.INTERIM_AVAILABLE, amount, CreditDebitIndicator.CREDIT) for id in ids]

    async def pages(self, ids: list[str], query: Query, deadline: Deadline) -> list[AccountTransactionPage]:  # noqa: ARG002 (the same)
        return [self._pages[id] for id in ids]

    async def spending(self, ids: list[str], query: Query, deadline: Deadline) -> SpendingReport:  # noqa: ARG002 (the same)
        return self._report

    async def alert_page(self, customer_id: str, query: Query, deadline: Deadline) -> AlertPage:  # noqa: ARG002 (the same)
        return self._alerts


def memory_context(services: MemoryServices) -> RequestContext:
    """Return the context of one request."""
    return RequestContext(PRINCIPAL, services.backends, Errand.of(CUSTOMER, 5), cast("FeedPort", None), CURSORS)


async def by_hand(context: RequestContext) -> dict[str, Any]:
    """Answer the dashboard as someone would who writes no GraphQL: the same calls, the same answer, no rules."""
    deadline, analytics = context.deadline, context.backends.analytics
    account_ids = await context.access.account_ids()
    query = [("first", "20")]
    pages = context.loaders.transaction_pages(query)
    customer, accounts, balances, transactions, report, alerts = await asyncio.gather(
        context.loaders.customers.load(CUSTOMER),
        context.loaders.accounts.load_many(account_ids),
        context.loaders.balances.load_many(account_ids),
        pages.load_many(account_ids),
        analytics.spending(account_ids, [*PERIOD.items(), ("groupBy", "CATEGORY")], deadline),
        analytics.alert_page(CUSTOMER, query, deadline),
    )
    if customer is None:
        raise LookupError(CUSTOMER)
    listed = [
        _account_by_hand(account, account_balances[0], page.edges)
        for account, account_balances, page in zip(accounts, balances, transactions, strict=True)
        if account is not None
    ]
    viewer = {
        "givenName": customer.given_name,
        "accounts": listed,
        "spending": {
            "total": _money(report.total),
            "groups": [
                {"key": one.key, "total": _money(one.total), "transactionCount": one.transaction_count}
                for one in report.groups
            ],
        },
        "alerts": {"nodes": [_alert_by_hand(edge.node) for edge in alerts.edges]},
    }
    return {"viewer": viewer}


def _money(money: Money) -> dict[str, str]:
    return {"amount": money.amount, "currency": money.currency}


def _account_by_hand(account: Account, balance: Balance, edges: list[TransactionEdge]) -> dict[str, Any]:
    return {
        "__typename": "CurrentAccount",
        "id": encode_node_id("Account", account.id),
        "displayName": account.display_name,
        "currency": account.currency,
        "balance": {
            "amount": _money(balance.amount),
            "creditDebitIndicator": _INDICATORS[balance.credit_debit_indicator],
        },
        "transactions": {"nodes": [_transaction_by_hand(edge.node) for edge in edges]},
    }


def _transaction_by_hand(one: Transaction) -> dict[str, Any]:
    merchant = one.merchant
    return {
        "id": encode_node_id("Transaction", one.id),
        "status": _STATUSES[one.status],
        "creditDebitIndicator": _INDICATORS[one.credit_debit_indicator],
        "amount": _money(one.amount),
        "bookingDate": one.booking_date,
        "occurredAt": one.occurred_at,
        "merchant": None if merchant is None else {"name": merchant.name, "category": _CATEGORIES[merchant.category]},
        "counterparty": one.counterparty,
        "remittanceInformation": one.remittance_information,
        "category": _CATEGORIES[one.category],
    }


def _alert_by_hand(alert: Any) -> dict[str, Any]:
    return {
        "__typename": "LargeTransactionAlert",
        "id": encode_node_id("Alert", alert.id),
        "severity": _SEVERITIES[alert.severity],
        "state": _STATES[alert.state],
        "title": alert.title,
        "body": alert.body,
        "occurredAt": alert.occurred_at,
    }


_STATUSES = {member: member.name for member in TransactionStatus}
_INDICATORS = {member: member.name for member in CreditDebitIndicator}
_CATEGORIES = {member: member.name for member in SpendingCategory}
_SEVERITIES = {member: member.name for member in AlertSeverity}
_STATES = {member: member.name for member in AlertState}
