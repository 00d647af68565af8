"""Apply events to state, facts and alerts, in log order, within the writer's transaction: the heart of the consumer.

    event ──▶ close what the clock closes ──▶ fact ──▶ day totals, balance, card ──▶ rules ──▶ alerts ──▶ close by event

A late event, one of a closed day, corrects facts and totals, is recorded, and is judged by all rules but that day's.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from contracts import events as e
from contracts.events import LogEntry
from contracts.money import minor_of
from contracts.rules import FailureCondition
from contracts.stored_events import stored
from contracts.vocabulary import TransactionStatus
from services.analytics.balances import move_balance, restate
from services.analytics.batches import read_batch
from services.analytics.closing import close_by_clock, close_windows
from services.analytics.facts import Fact, fact_after, released
from services.analytics.instants import DAY_US, SECOND_US, day_number, has_time_of_day, micros_of
from services.analytics.memory import Memory
from services.analytics.outcomes import Outcome
from services.analytics.payment_rules import failed_payment
from services.analytics.references import REGISTERS
from services.analytics.rule_book import Rules
from services.analytics.rules import evaluate, new_device
from services.analytics.sights import Sight
from services.analytics.states import AccountState, CardPayment
from services.analytics.triggers import CARD_TRIGGERS, COUNTRY, FAILURE, triggers_of
from services.analytics.windows import late_by_s, open_day_by_event
from services.analytics.workspace import Workspace


def apply_batch(
    connection: sqlite3.Connection, memory: Memory, entries: Sequence[LogEntry], lateness_s: int
) -> Outcome:
    """Apply entries in the log's order; the caller moves the offset."""
    batch = read_batch(entries)
    work = Workspace(connection, memory)
    work.load(batch)
    applying = _Applying(work, lateness_s * SECOND_US)
    for entry, data in batch.entries:
        applying.apply(entry, data)
    last = entries[-1]
    work.finish(len(entries))
    return Outcome(
        len(entries),
        work.raising.raised,
        len(work.late),
        work.windows_closed,
        last.offset,
        micros_of(last.accepted_at),
    )


class _Applying:
    def __init__(self, work: Workspace, lateness_us: int) -> None:
        self._work = work
        self._lateness_us = lateness_us
        self._accepted_at = ""
        self._accepted_us = 0

    def apply(self, entry: LogEntry, data: Any) -> None:
        if entry.accepted_at != self._accepted_at:
            self._accepted_at, self._accepted_us = entry.accepted_at, micros_of(entry.accepted_at)
        register = REGISTERS.get(type(data))
        if register is not None:
            register(self._work, data)
        else:
            _HANDLERS.get(type(data), _Applying.pay)(self, entry, data)

    def pay(self, entry: LogEntry, data: e.Payment) -> None:
        work = self._work
        account = work.account(data.account_id, data.amount.currency)
        occurred_us = micros_of(entry.event.time)
        self._hear(data.account_id, account)
        before = work.fact(data.transaction_id)
        fact = fact_after(before, data, occurred_us)
        if fact is None:
            return
        if fact.status is TransactionStatus.BOOKED:
            move_balance(fact, data, account, occurred_us)
        work.put_fact(fact)
        self._note_lateness(entry, fact, account)
        sight = Sight(account, fact, before, partial(work.facts_between, fact.account_id))
        self._add_spending(sight)
        self._add_card_payment(sight)
        if fact.status is TransactionStatus.REJECTED:
            if isinstance(data, e.CardDeclined):
                sight.decline_reason = data.reason
            elif isinstance(data, e.PaymentRejected):
                sight.failure_reason = data.reason
        self._judge(sight)
        self._close_by_event(data.account_id, account, fact.occurred_us)

    def _hear(self, account_id: str, account: AccountState) -> None:
        """Close what the log's clock closes before this event, and note that the account was heard of."""
        if self._accepted_us - account.heard_us >= self._lateness_us:
            close_by_clock(self._work, account_id, account, self._accepted_us, self._lateness_us)
        account.heard_us = max(account.heard_us, self._accepted_us)  # one set aside is applied late
        self._work.memory.accounts.put(account_id, account)

    def _note_lateness(self, entry: LogEntry, fact: Fact, account: AccountState) -> None:
        if fact.day < account.open_day:
            late_s = late_by_s(account, fact.occurred_us, DAY_US)
            event = entry.event
            self._work.late.append((entry.offset, event.id, event.source, fact.account_id, event.time, late_s))

    def _add_spending(self, sight: Sight) -> None:
        """Correct the day's total of the category, and of the one the payment was in before."""
        fact, before, account = sight.fact, sight.before, sight.account
        if before is not None and before.spending:
            self._work.add_spending(before, -before.spending)
        if fact.spending:
            state, total = self._work.add_spending(fact, fact.spending)
            if fact.day >= account.open_day:
                sight.day_total, sight.spread = total, partial(state.spread_under, total, account.open_day)

    def _add_card_payment(self, sight: Sight) -> None:
        """Remember a payment by card. One without a time of day says nothing about minutes and is left out."""
        fact = sight.fact
        if fact.card_id is None or sight.before is not None or fact.minor > 0 or not has_time_of_day(fact.occurred_us):
            return
        if fact.status is TransactionStatus.REJECTED:
            return
        card = self._work.card(fact.card_id)
        card.remember(CardPayment(fact.occurred_us, fact.transaction_id, -fact.minor))
        self._work.memory.cards.put(fact.card_id, card)
        sight.card_payments = card.recent

    def _judge(self, sight: Sight) -> None:
        work, fact, rules = self._work, sight.fact, self._work.rules
        triggers = triggers_of(sight)
        banks = rules.narrowed(triggers, sight)
        for customer_id in sight.account.holders:
            if banks or rules.has_own(work.connection, customer_id):
                asked = rules.account_rules(work.connection, customer_id, fact.account_id, banks)
                self._raise(customer_id, asked, sight)
        if fact.card_id is None or not triggers & CARD_TRIGGERS:
            return
        for customer_id in self._card_users(fact.card_id, sight.account):
            sight.home = work.customer(customer_id).residency
            banks = triggers & (CARD_TRIGGERS & ~COUNTRY if sight.home == fact.country else CARD_TRIGGERS)
            if banks or rules.has_own(work.connection, customer_id):
                asked = rules.card_rules(work.connection, customer_id, fact.account_id, banks)
                self._raise(customer_id, asked, sight)

    def _raise(self, customer_id: str, rules: Rules, sight: Sight) -> None:
        for rule in rules:
            finding = evaluate(rule, sight)
            if finding is not None:
                self._work.raising.raise_for(customer_id, rule, finding, self._accepted_at)

    def _card_users(self, card_id: str, account: AccountState) -> Iterable[str]:
        """Return whom a card's alerts concern: its cardholder, or every holder while the card is unknown."""
        cardholder = self._work.card(card_id).cardholder
        return (cardholder,) if cardholder else account.holders

    def _close_by_event(self, account_id: str, account: AccountState, occurred_us: int) -> None:
        open_day = open_day_by_event(account, occurred_us, self._lateness_us)
        if open_day != account.open_day:
            close_windows(self._work, account_id, account, open_day, lambda _: self._accepted_at)

    def release(self, entry: LogEntry, data: e.CardReversed) -> None:
        account = self._work.known_account(data.account_id)
        if account is None:
            return
        self._hear(data.account_id, account)
        before = self._work.fact(data.transaction_id)
        fact = None if before is None else released(before)
        if before is None or fact is None:
            return
        self._work.put_fact(fact)
        self._note_lateness(entry, fact, account)
        if before.spending:
            self._work.add_spending(before, -before.spending)

    def report_balance(self, entry: LogEntry, data: e.BalanceReported) -> None:
        account = self._work.account(data.account_id, data.balance.currency)
        reported = minor_of(data.balance.amount, data.balance.currency, signed=True)
        since = self._work.booked_after(data.account_id, day_number(data.reference_date))
        restate(account, reported, since, micros_of(entry.event.time))
        self._work.memory.accounts.put(data.account_id, account)

    def log_in(self, entry: LogEntry, data: e.LoginSucceeded) -> None:
        """The first device of a customer is how they came to the bank: it is remembered and nobody is alarmed."""
        work = self._work
        customer = work.customer(data.customer_id)
        is_first = not customer.devices
        if not customer.remember_device(data.device_id):
            return
        work.memory.customers.put(data.customer_id, customer)
        if is_first:
            return
        for rule in work.rules.new_device:
            finding = new_device(rule, data, micros_of(entry.event.time))
            work.raising.raise_for(data.customer_id, rule, finding, self._accepted_at)

    def fail_order(self, entry: LogEntry, data: e.StandingOrderFailed) -> None:
        work, event = self._work, entry.event
        account = work.account(data.account_id, data.amount.currency)
        subject = f"{event.source} {event.id}"
        for customer_id in account.holders:
            for rule in work.rules.account_rules(work.connection, customer_id, data.account_id, FAILURE):
                if isinstance(rule.condition, FailureCondition):
                    finding = failed_payment(
                        rule,
                        subject,
                        micros_of(event.time),
                        data.amount,
                        data.reason,
                        data.counterparty,
                        account_id=data.account_id,
                    )
                    work.raising.raise_for(customer_id, rule, finding, self._accepted_at)


_HANDLERS: dict[type, Callable[[_Applying, LogEntry, Any], None]] = {
    stored(e.BalanceReported): _Applying.report_balance,
    stored(e.CardReversed): _Applying.release,
    stored(e.LoginSucceeded): _Applying.log_in,
    stored(e.StandingOrderFailed): _Applying.fail_order,
}
"""What is done with the events that are neither registered nor payments.

Not bound to their batch: it would hold itself, and with it all its facts, until the collector came, which is seldom.
"""
