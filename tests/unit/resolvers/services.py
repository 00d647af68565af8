"""The three services at the one seam a test replaces, the transport: answers from contracts structs and counts calls.

Anna owns a current, a card, a savings and a securities account; Ben owns one of his own. Every read is answered as
docs/architecture.md says, whoever asks: that Anna sees nothing of Ben's is for the code under test to see to.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from clients.backends import backends_over
from clients.deadline import Errand
from clients.transport import AsyncBaseTransport, ByteStream, Request, Response, TransportError, target_of
from contracts import accounts as held
from contracts.alerts import (
    AlertEdge,
    AlertLogEntry,
    AlertPage,
    AlertReason,
    AnyAlert,
    Delivery,
    LargeTransactionAlert,
    LogEntryKind,
    LoginAlert,
    MarkReadResult,
)
from contracts.failures import Problem
from contracts.feed import EntryDelivered, FeedItem
from contracts.insights import CashFlow, Forecast, ForecastPoint, RecurringPayment, SpendingInsight, SpendingReport
from contracts.money import Money
from contracts.rules import AlertRule, AlertRulePreview, AmountCondition, DeclineCondition
from contracts.settings import Settings
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
    CardStatus,
    CreditDebitIndicator,
    DeliveryChannel,
    DeliveryStage,
    DevicePlatform,
    Frequency,
    HolderRole,
    RuleState,
    SpendingCategory,
    TransactionStatus,
)
from resolvers.context import RequestContext
from resolvers.cursors import CursorCodec
from resolvers.feed import Wake, nobody
from resolvers.principal import Principal
from schema.build import build_schema

ANNA, BEN = "anna", "ben"
AT = "2026-11-20T10:00:00Z"
CURSORS = CursorCodec([b"k" * 32])
SERVICE_OF_PORT = {8101: "events", 8102: "accounts", 8103: "analytics"}
SCHEMA = build_schema()
ONCE = Settings(call_tries_max=1)
"""Without retries, whose pauses are random: who fails first is then always the same."""

Query = dict[str, list[str]]


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


def account(id: str, kind: AccountKind, **more: Any) -> held.Account:
    return held.Account(
        id=id, kind=kind, display_name=id, currency="EUR", status=AccountStatus.ENABLED, usage=AccountUsage.PRIVATE,
        opened_on="2020-01-01", holders=[], **more,
    )  # fmt: skip


def balance(account_id: str) -> held.Balance:
    return held.Balance(account_id, BalanceType.INTERIM_AVAILABLE, eur("50.00"), CreditDebitIndicator.CREDIT)


def transaction(id: str, account_id: str, **more: Any) -> Transaction:
    return Transaction(
        id, account_id, TransactionStatus.BOOKED, CreditDebitIndicator.DEBIT, eur("9.99"), AT,
        SpendingCategory.GROCERIES, **more,
    )  # fmt: skip


def alert(id: str, customer_id: str, seq: int, **more: Any) -> LargeTransactionAlert:
    return LargeTransactionAlert(
        id=id, customer_id=customer_id, seq=seq, severity=more.pop("severity", AlertSeverity.MEDIUM),
        state=AlertState.NEW, title="A large payment", body="You paid a lot.", occurred_at=AT, raised_at=AT,
        rule_id="bank-large", rule_version=1, amount=eur("900.00"), threshold=eur("500.00"), **more,
    )  # fmt: skip


ACCOUNTS = [
    account("a-current", AccountKind.CURRENT, overdraft_limit=eur("500.00")),
    account("a-card", AccountKind.CARD, credit_limit=eur("2000.00")),
    account("a-savings", AccountKind.SAVINGS, interest_rate="1.5"),
    account("a-shares", AccountKind.SECURITIES),
    account("b-current", AccountKind.CURRENT),
]
CARDS = [
    held.Card("card-a", "a-card", ANNA, "************1111", CardStatus.ACTIVE, "2029-12-31"),
    held.Card("card-b", "b-current", BEN, "************2222", CardStatus.ACTIVE, "2029-12-31"),
    held.Card("card-other-holder", "a-card", BEN, "************3333", CardStatus.ACTIVE, "2029-12-31"),
]
DEVICES = [
    held.Device("phone-a", ANNA, DevicePlatform.IOS, "Phone", True),
    held.Device("phone-b", BEN, DevicePlatform.IOS, "Phone", True),
]
TRANSACTIONS = [
    transaction("t-1", "a-current", merchant=TransactionMerchant("Shop", SpendingCategory.GROCERIES, "0742")),
    transaction("t-2", "a-card", card_id="card-a"),
    transaction("t-3", "a-card", card_id="card-other-holder"),
    transaction("t-9", "b-current", card_id="card-b"),
]
REASON = AlertReason("AMOUNT_ABOVE_THRESHOLD", "900.00", threshold="500.00", transaction_ids=["t-1", "t-9"])
ALERTS: list[AnyAlert] = [
    alert(
        "alert-a", ANNA, 1, reasons=[REASON], account_id="a-current", transaction_id="t-1",
        deliveries=[
            Delivery(DeliveryChannel.APP, DeliveryStage.SEEN, AT, "phone-a"),
            Delivery(DeliveryChannel.APP, DeliveryStage.READ, AT, "phone-b"),
            Delivery(DeliveryChannel.PUSH, DeliveryStage.SENT, AT),
        ],
    ),
    alert("alert-b", BEN, 1, reasons=[], account_id="b-current", transaction_id="t-1"),
    LoginAlert(
        id="alert-login", customer_id=ANNA, seq=2, severity=AlertSeverity.HIGH, state=AlertState.NEW, title="A login",
        body="A new device.", occurred_at=AT, raised_at=AT, rule_id="bank-login", rule_version=1, reasons=[],
        device_id="phone-a", platform=DevicePlatform.IOS,
    ),
]  # fmt: skip
RULES = [
    AlertRule("bank-large", "Large", 1, RuleState.ACTIVE, AlertSeverity.MEDIUM, AmountCondition(amount=eur("500")), 0),
    AlertRule("bank-declined", "Declined", 1, RuleState.ACTIVE, AlertSeverity.LOW, DeclineCondition(), 0),
    AlertRule(
        "rule-a", "Mine", 1, RuleState.ACTIVE, AlertSeverity.LOW, AmountCondition(amount=eur("5")), 60, ANNA,
        ["a-current"],
    ),
    AlertRule("rule-b", "Ben's", 1, RuleState.ACTIVE, AlertSeverity.LOW, AmountCondition(amount=eur("5")), 60, BEN),
]  # fmt: skip
HOLDING = held.Holding(
    "a-shares", held.Instrument("DE0000000001", "A share", eur("11.00"), AT), "2", eur("10.00"), eur("22.00")
)


HISTORY_FROM = "2024-01-01T00:05:00.000000Z"
"""What occurred before this is not kept."""


def _page(transactions: list[Transaction], query: Query) -> TransactionPage:
    first = int(query["first"][0])
    edges = [TransactionEdge(f"at-{one.id}", one) for one in transactions]
    return TransactionPage(edges[:first], len(edges) > first, HISTORY_FROM)


def _named(structs: list[Any], query: Query) -> list[Any]:
    by = {"id": "id", "accountId": "account_id", "customerId": "customer_id", "transactionId": "transaction_id"}
    attribute, wanted = next((by[name], values) for name, values in query.items() if name in by)
    return [struct for struct in structs if getattr(struct, attribute) in wanted]


def _entitlements(customer_id: str) -> held.Entitlements:
    mine = {ANNA: "a-", BEN: "b-"}[customer_id]
    owned = [held.Entitlement(one.id, HolderRole.OWNER) for one in ACCOUNTS if one.id.startswith(mine)]
    cards = [card.id for card in CARDS if card.cardholder_id == customer_id]
    return held.Entitlements(customer_id, owned, cards, [one.id for one in DEVICES if one.customer_id == customer_id])


_POINT = ForecastPoint("2026-11-25", eur("1.00"), eur("0.00"), eur("2.00"))
_SPENDING = SpendingReport(
    "2026-11-01", "2026-11-30", "EUR", ["EUR", "GBP"], eur("9.99"), eur("0.00"),
    [SpendingInsight("GROCERIES", eur("9.99"), 1, eur("0.00"))],
)  # fmt: skip
_RECURRING = RecurringPayment(
    "a-current", "Landlord", Frequency.MONTHLY, eur("700"), eur("700"), "2026-11-01", "2026-12-01", "ACTIVE"
)
_PREFERENCES = held.NotificationPreferences(
    ANNA, "LOW", True, ["LOGIN"], channels=[held.KindChannels("LOGIN", ["SMS"])]
)
_ANNA = held.Customer(ANNA, "Anna", "Ahrens", "de-DE", "Europe/Berlin", "DE")

READS: dict[str, Callable[[Query], Any]] = {
    "/customers": lambda _: [_ANNA],
    f"/customers/{ANNA}/entitlements": lambda _: _entitlements(ANNA),
    f"/customers/{BEN}/entitlements": lambda _: _entitlements(BEN),
    "/accounts": lambda query: _named(ACCOUNTS, query),
    "/cards": lambda query: _named(CARDS, query),
    "/devices": lambda query: _named(DEVICES, query),
    "/balances": lambda query: [balance(id) for id in query["accountId"]],
    "/balances/closing": lambda query: [
        held.Balance(id, BalanceType.CLOSING_BOOKED, eur("7.00"), CreditDebitIndicator.CREDIT, query["on"][0])
        for id in query["accountId"]
    ],
    "/balances/days": lambda _: [held.BalanceDay("2026-11-01", eur("-3.00"))],
    "/holdings": lambda query: _named([HOLDING], query),
    "/standing-orders": lambda _: [],
    "/preferences": lambda _: [_PREFERENCES],
    "/transactions": lambda query: _page(_named(TRANSACTIONS, query), query),
    "/transactions/by-account": lambda query: [
        AccountTransactionPage(id, _page([one for one in TRANSACTIONS if one.account_id == id], query))
        for id in query["accountId"]
    ],
    "/transactions/by-id": lambda query: _named(TRANSACTIONS, query),
    "/spending": lambda _: _SPENDING,
    "/cash-flow": lambda _: [CashFlow("2026-11-01", eur("1"), eur("2"), eur("-1"))],
    "/recurring-payments": lambda _: [_RECURRING],
    "/forecast": lambda _: Forecast("EUR", [_POINT], _POINT),
    "/rules": lambda _: RULES,
    "/rules/by-id": lambda query: _named(RULES, query),
    "/alerts": lambda query: AlertPage([AlertEdge(one.id, one) for one in _named(ALERTS, query)], False),
    "/alerts/by-id": lambda query: _named(ALERTS, query),
    "/alerts/by-transaction": lambda query: _named(ALERTS, query),
    "/alerts/unread-counts": lambda query: dict.fromkeys(query["customerId"], 2),
}
WRITES: dict[tuple[str, str], Any] = {
    ("POST", "/rules"): RULES[2],
    ("PUT", "/rules/rule-a"): RULES[2],
    ("DELETE", "/rules/rule-a"): None,
    ("POST", "/rules/preview"): AlertRulePreview(2, [ALERTS[0], ALERTS[1]], 40, "2026-09-01", "2026-11-24"),
    ("POST", "/alerts/alert-a/acknowledge"): ALERTS[0],
    ("POST", "/alerts/alert-a/respond"): ALERTS[0],
    ("POST", "/alerts/deliveries"): [ALERTS[0]],
    ("POST", "/alerts/mark-read"): MarkReadResult(1, 1),
    ("POST", "/cards/card-a/freeze"): CARDS[0],
    ("POST", "/cards/card-a/unfreeze"): CARDS[0],
    ("POST", "/devices"): DEVICES[0],
    ("DELETE", "/devices/phone-a"): None,
    ("PUT", "/devices/phone-a/push-token"): DEVICES[0],
    ("POST", "/push-tokens/remove"): DEVICES[0],
    ("PUT", "/preferences"): _PREFERENCES,
}


@dataclass
class Services(AsyncBaseTransport):
    """The transport: what it was asked, and which service or path it shall not answer."""

    calls: list[tuple[str, str, Query]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    problems: dict[str, Problem] = field(default_factory=dict)

    async def handle_async_request(self, request: Request) -> Response:
        parts = urlsplit(target_of(request))
        query = parse_qs(parts.query)
        self.calls.append((request.method, parts.path, query))
        self.bodies.append(await request.aread())
        await asyncio.sleep(0)
        if {parts.path, SERVICE_OF_PORT[request.url.port or 0]} & self.away:
            raise TransportError("refused")
        if parts.path in self.problems:
            problem = self.problems[parts.path]
            headers = {"content-type": "application/problem+json"}
            return Response(problem.status, headers=headers, stream=ByteStream(msgspec.json.encode(problem)))
        answer = READS[parts.path](query) if request.method == "GET" else WRITES[request.method, parts.path]
        return Response(200, stream=ByteStream(msgspec.json.encode(answer)))

    def paths(self) -> list[str]:
        """Return the paths that were called, sorted."""
        return sorted(path for _, path, _ in self.calls)


@dataclass
class Feed:
    """A feed that delivers what it is given."""

    items: list[FeedItem] = field(default_factory=list)
    asked_after: list[int | None] = field(default_factory=list)

    async def alerts(self, customer_id: str, after: int | None) -> "Given":  # noqa: ARG002 - the port's
        self.asked_after.append(after)
        return Given(list(self.items))

    def account_changes(self, account_id: str) -> "Given":  # noqa: ARG002 - the port's
        return Given([], changed=True)


class Given:
    """A subscriber or watch whose items are there from the start; it ends with them."""

    def __init__(self, items: list[FeedItem], *, changed: bool = False) -> None:
        self.items = items
        self.changed = changed
        self.hungry = False
        self.more = True
        self.sent = 0
        self.wake: Wake = nobody

    @property
    def ended(self) -> bool:
        return not self.items and not self.changed

    def take(self) -> FeedItem | None:
        return self.items.pop(0) if self.items else None

    async def fill(self) -> None:
        raise AssertionError("never hungry")

    def close(self) -> None:
        self.items = []


def delivered(seq: int, kind: LogEntryKind = LogEntryKind.RAISED, **more: Any) -> EntryDelivered:
    raised = alert(f"alert-{seq}", more.pop("customer_id", ANNA), seq, reasons=[], **more)
    return EntryDelivered(AlertLogEntry(seq, raised.customer_id, seq, kind, AT, raised))


def context_of(
    services: Services, customer_id: str = ANNA, feed: Feed | None = None, device_id: str | None = None
) -> RequestContext:
    """Return what a request of a customer is given."""
    principal = Principal(customer_id, customer_id, frozenset(), 2e9, device_id=device_id)
    backends = backends_over(services, ONCE)
    return RequestContext(principal, backends, Errand.of(customer_id, 5), feed or Feed(), CURSORS)


async def ask(
    services: Services, query: str, customer_id: str = ANNA, bound_to: str | None = None, **variables: Any
) -> Any:
    """Execute a query or mutation that must give no error, and return its data; `bound_to`: the token's device."""
    result = await SCHEMA.execute(
        query, variable_values=variables, context_value=context_of(services, customer_id, device_id=bound_to)
    )
    assert result.errors is None
    return result.data
