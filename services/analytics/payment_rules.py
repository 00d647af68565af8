"""The rules about one payment: its amount, the balance it leaves, its country, its refusal. A function each."""

from contracts import rules as r
from contracts.alerts import (
    AlertReason,
    CardDeclinedAlert,
    FailedPaymentAlert,
    ForeignTransactionAlert,
    LargeTransactionAlert,
    LowBalanceAlert,
)
from contracts.money import Money, amount_of, money_of
from contracts.vocabulary import AccountKind, CreditDebitIndicator, TransactionStatus
from services.analytics.bank_rules import limit_in, own_limit
from services.analytics.sights import Finding, Sight, opening, places_of
from services.analytics.wording import money_text, with_account, with_party

SETTLED_ACCOUNTS = frozenset({AccountKind.CURRENT, AccountKind.SAVINGS})
"""Kinds whose balance the bank-wide low balance rule watches: what a card account owes is below zero every day."""


def exceeds_amount(rule: r.AlertRule, condition: r.AmountCondition, sight: Sight) -> Finding | None:
    """Find a pending or booked payment above the amount, in the wanted direction."""
    fact = sight.fact
    limit = limit_in(rule, condition.amount, fact.currency)
    if limit is None or abs(fact.minor) <= limit or fact.status is TransactionStatus.REJECTED:
        return None
    debit = fact.minor < 0
    direction = CreditDebitIndicator.DEBIT if debit else CreditDebitIndicator.CREDIT
    if condition.direction is not None and condition.direction != direction:
        return None
    amount = money_text(abs(fact.minor), fact.currency)
    whom = with_party("to", fact.party) if debit else with_party("from", fact.party)
    body = f"{amount} {'went' if debit else 'came'}{whom or (' out' if debit else ' in')}"
    reason = AlertReason(
        "AMOUNT_ABOVE_LIMIT",
        amount_of(abs(fact.minor), fact.currency),
        threshold=amount_of(limit, fact.currency),
        transaction_ids=[fact.transaction_id],
    )
    title = f"Large payment: {amount}" if debit else f"Large deposit: {amount}"
    alert = LargeTransactionAlert(
        **opening(
            rule,
            fact.occurred_us,
            title,
            f"{body}{with_account(sight.account.display_name)}.",
            reason,
            **places_of(fact),
        ),
        amount=money_of(abs(fact.minor), fact.currency),
        threshold=money_of(limit, fact.currency),
    )
    return Finding(fact.transaction_id, fact.occurred_us, alert)


def crosses_balance(rule: r.AlertRule, condition: r.BalanceCondition, sight: Sight) -> Finding | None:
    """Find a booking that takes the booked balance from at or above the threshold to below it."""
    fact = sight.fact
    if fact.balance_before is None or fact.balance_after is None:
        return None
    limit = limit_in(rule, condition.threshold, fact.currency)
    if limit is None or not fact.balance_before >= limit > fact.balance_after:
        return None
    if rule.customer_id is None and sight.account.kind not in SETTLED_ACCOUNTS:
        return None
    balance = money_text(fact.balance_after, fact.currency)
    name = sight.account.display_name
    reason = AlertReason(
        "BALANCE_BELOW_THRESHOLD",
        amount_of(fact.balance_after, fact.currency),
        expected=amount_of(fact.balance_before, fact.currency),
        threshold=amount_of(limit, fact.currency),
        transaction_ids=[fact.transaction_id],
    )
    body = f"{name or 'Your account'} is at {balance} after {money_text(abs(fact.minor), fact.currency)}"
    alert = LowBalanceAlert(
        **opening(
            rule,
            fact.occurred_us,
            f"Low balance: {balance}",
            f"{body}{with_party('to', fact.party)}.",
            reason,
            **places_of(fact),
        ),
        balance=money_of(fact.balance_after, fact.currency),
        threshold=money_of(limit, fact.currency),
    )
    return Finding(fact.transaction_id, fact.occurred_us, alert)


def pays_abroad(rule: r.AlertRule, condition: r.CountryCondition, sight: Sight) -> Finding | None:
    """Find a card payment outside the home countries; without known countries there is nothing to compare."""
    fact = sight.fact
    if not fact.country or fact.card_id is None or fact.minor > 0 or fact.status is TransactionStatus.REJECTED:
        return None
    homes = condition.home_countries or ([sight.home] if sight.home else [])
    if not homes or fact.country in homes:
        return None
    amount = money_text(-fact.minor, fact.currency)
    reason = AlertReason(
        "COUNTRY_NOT_HOME", fact.country, expected=",".join(homes), transaction_ids=[fact.transaction_id]
    )
    body = (
        f"{amount} was paid{with_party('at', fact.party)} in {fact.country}{with_account(sight.account.display_name)}."
    )
    alert = ForeignTransactionAlert(
        **opening(rule, fact.occurred_us, f"Card used abroad: {fact.country}", body, reason, **places_of(fact)),
        amount=money_of(-fact.minor, fact.currency),
        country=fact.country,
    )
    return Finding(fact.transaction_id, fact.occurred_us, alert)


def is_declined(rule: r.AlertRule, _: r.DeclineCondition, sight: Sight) -> Finding | None:
    """Find a declined card payment."""
    if sight.decline_reason is None:
        return None
    fact = sight.fact
    amount = money_text(abs(fact.minor), fact.currency)
    reason = AlertReason("CARD_DECLINED", sight.decline_reason, transaction_ids=[fact.transaction_id])
    body = f"{amount}{with_party('at', fact.party)} was declined: {sight.decline_reason}."
    alert = CardDeclinedAlert(
        **opening(rule, fact.occurred_us, "Card payment declined", body, reason, **places_of(fact)),
        amount=money_of(abs(fact.minor), fact.currency),
        decline_reason=sight.decline_reason,
        merchant_name=fact.party or None,
    )
    return Finding(fact.transaction_id, fact.occurred_us, alert)


def is_rejected(rule: r.AlertRule, _: r.FailureCondition, sight: Sight) -> Finding | None:
    """Find a rejected payment."""
    if sight.failure_reason is None:
        return None
    fact = sight.fact
    amount = money_of(abs(fact.minor), fact.currency)
    return failed_payment(
        rule, fact.transaction_id, fact.occurred_us, amount, sight.failure_reason, fact.party, **places_of(fact)
    )


def failed_payment(
    rule: r.AlertRule,
    subject: str,
    occurred_us: int,
    amount: Money,
    failure_reason: str,
    counterparty: str,
    **places: str | None,
) -> Finding:
    """Return the finding of a payment or standing order that failed."""
    transaction_id = places.get("transaction_id")
    reason = AlertReason("PAYMENT_FAILED", failure_reason, transaction_ids=[transaction_id] if transaction_id else [])
    text = money_text(own_limit(amount.amount, amount.currency), amount.currency)
    body = f"{text}{with_party('to', counterparty)} could not be paid: {failure_reason}."
    alert = FailedPaymentAlert(
        **opening(rule, occurred_us, "Payment failed", body, reason, **places),
        amount=amount,
        failure_reason=failure_reason,
        counterparty=counterparty or None,
    )
    return Finding(subject, occurred_us, alert)
