"""The rules in force as the consumer reads them: the bank's, and each customer's own, remembered until a rule changes.

Rules are written by the same writer, between two batches: a change holds for the events after the consumer's offset at
that moment, also after a crash. Where the file was lost and the log is applied again, a rule that was restored is in
force from that same place on (`services/decisions_ahead.py`): no event is judged by a rule that came after it.
"""

import sqlite3

import msgspec

from contracts.rules import AggregateCondition, AlertRule, NewDeviceCondition
from contracts.vocabulary import Comparison, RuleState
from services.analytics.bank_rules import BANK_RULES
from services.analytics.rules import concerns_card
from services.analytics.sights import Sight
from services.analytics.triggers import Bounds, bounds_of, need_of

CUSTOMERS_MAX = 100_000
"""Customers whose rules are remembered."""

encode_rule = msgspec.json.Encoder().encode
decode_rule = msgspec.json.Decoder(AlertRule).decode
Rules = tuple[AlertRule, ...]

_IN_FORCE = "id NOT IN (SELECT key FROM decisions_ahead WHERE name = 'rules')"


class RuleBook:
    """Active rules; the writer thread's alone."""

    def __init__(self) -> None:
        self._changes = -1
        self._bank: Rules = ()
        self._bank_triggered: dict[int, tuple[Rules, Rules]] = {}
        self._bounds: dict[str, Bounds] = {}
        self._own: dict[str, Rules] = {}
        self.new_device: Rules = ()

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Notice rules that were changed since the last batch."""
        changes = changes_of(connection)
        if changes == self._changes:
            return
        self._own.clear()
        self._bank_triggered.clear()
        self._bounds.clear()
        self._bank = tuple(filter(_is_active, bank_rules(connection)))
        self.new_device = tuple(rule for rule in self._bank if isinstance(rule.condition, NewDeviceCondition))
        self._changes = changes

    def narrowed(self, triggers: int, sight: Sight) -> int:
        """Return the triggers of an event that bank-wide rules about an account can fire on."""
        currency = sight.fact.currency
        bounds = self._bounds.get(currency)
        if bounds is None:
            bounds = self._bounds[currency] = bounds_of(self._bank, currency)
        return bounds.narrow(triggers, sight)

    def has_own(self, connection: sqlite3.Connection, customer_id: str) -> bool:
        """Say whether a customer has active rules, which see every event of their accounts."""
        own = self._own.get(customer_id)
        return bool(self._own_rules(connection, customer_id) if own is None else own)

    def card_rules(self, connection: sqlite3.Connection, customer_id: str, account_id: str, triggers: int) -> Rules:
        """Return the rules about the use of cards on an account: the bank's of some triggers, all own ones."""
        own = self._own_rules(connection, customer_id)
        bank = self._triggered(triggers)[0]
        return bank + tuple(rule for rule in own if concerns_card(rule) and watches(rule, account_id)) if own else bank

    def account_rules(self, connection: sqlite3.Connection, customer_id: str, account_id: str, triggers: int) -> Rules:
        """Return the rules about an account a customer holds: the bank's of some triggers, all own ones."""
        own = self._own_rules(connection, customer_id)
        bank = self._triggered(triggers)[1]
        return (
            bank + tuple(rule for rule in own if not concerns_card(rule) and watches(rule, account_id)) if own else bank
        )

    def _triggered(self, triggers: int) -> tuple[Rules, Rules]:
        """Return the bank-wide rules about cards, and about accounts, that triggers concern."""
        found = self._bank_triggered.get(triggers)
        if found is None:
            asked = [rule for rule in self._bank if need_of(rule) & triggers]
            cards = tuple(rule for rule in asked if concerns_card(rule))
            found = self._bank_triggered[triggers] = (cards, tuple(rule for rule in asked if not concerns_card(rule)))
        return found

    def below_rules(self, connection: sqlite3.Connection, customer_id: str, account_id: str) -> Rules:
        """Return a customer's rules that are decided when a window of the account closes."""
        own = self._own_rules(connection, customer_id)
        return tuple(rule for rule in own if is_below(rule) and watches(rule, account_id)) if own else ()

    def forget(self) -> None:
        """Read everything anew at the next refresh."""
        self._changes = -1

    def _own_rules(self, connection: sqlite3.Connection, customer_id: str) -> Rules:
        own = self._own.get(customer_id)
        if own is None:
            if len(self._own) >= CUSTOMERS_MAX:
                del self._own[next(iter(self._own))]
            in_force = _read(connection, f"customer_id = ? AND {_IN_FORCE} ORDER BY id", customer_id)
            own = self._own[customer_id] = tuple(filter(_is_active, in_force))
        return own


def own_rules(connection: sqlite3.Connection, customer_id: str) -> list[AlertRule]:
    """Read a customer's own rules, by id, those not in force yet among them."""
    return _read(connection, "customer_id = ? ORDER BY id", customer_id)


def bank_rules(connection: sqlite3.Connection) -> list[AlertRule]:
    """Read the bank-wide rules, by id."""
    return _read(connection, "customer_id IS NULL ORDER BY id")


def rule_of(connection: sqlite3.Connection, rule_id: str) -> AlertRule | None:
    """Read one rule."""
    return next(iter(_read(connection, "id = ?", rule_id)), None)


def below_rules(connection: sqlite3.Connection) -> list[AlertRule]:
    """Read the active rules that wait for windows to close."""
    rules = _read(connection, f"customer_id IS NOT NULL AND {_IN_FORCE} ORDER BY id")
    return [rule for rule in rules if _is_active(rule) and is_below(rule)]


def watches(rule: AlertRule, account_id: str) -> bool:
    """Say whether a rule is about an account; one that names none is about all of its customer's."""
    return not rule.account_ids or account_id in rule.account_ids


def is_below(rule: AlertRule) -> bool:
    """Say whether a rule is decided when a window closes."""
    return isinstance(rule.condition, AggregateCondition) and rule.condition.comparison is Comparison.BELOW


def keep_rule(connection: sqlite3.Connection, rule: AlertRule) -> None:
    """Write a rule and tell the consumer."""
    connection.execute(
        "INSERT INTO rules VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (rule.id, rule.customer_id, encode_rule(rule)),
    )
    count_change(connection)


def drop_rule(connection: sqlite3.Connection, rule_id: str) -> None:
    """Delete a rule and tell the consumer."""
    connection.execute("DELETE FROM rules WHERE id = ?", (rule_id,))
    count_change(connection)


def seed_bank_rules(connection: sqlite3.Connection) -> None:
    """Put the bank-wide rules in force that are not there yet."""
    known = {rule.id for rule in bank_rules(connection)}
    for rule in BANK_RULES:
        if rule.id not in known:
            keep_rule(connection, rule)


def changes_of(connection: sqlite3.Connection) -> int:
    """Return how often rules were changed."""
    row = connection.execute("SELECT count FROM rule_changes").fetchone()
    return 0 if row is None else int(row[0])


def count_change(connection: sqlite3.Connection) -> None:
    """Tell the consumer that rules have changed."""
    connection.execute("INSERT INTO rule_changes VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET count = count + 1")


def _read(connection: sqlite3.Connection, where: str, *parameters: str) -> list[AlertRule]:
    rows = connection.execute(f"SELECT body FROM rules WHERE {where}", parameters)  # noqa: S608 - conditions of ours
    return [decode_rule(row[0]) for row in rows]


def _is_active(rule: AlertRule) -> bool:
    return rule.state is RuleState.ACTIVE
