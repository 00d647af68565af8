"""Customers' own rules: create, change, delete. Run in the writer, so each holds from the consumer's next event on."""

import sqlite3

from contracts.failures import Conflict, NotFound, Rejected
from contracts.rules import RULES_PER_CUSTOMER_MAX, AlertRule, AlertRuleInput
from services.analytics.account_reads import account_states
from services.analytics.rule_book import bank_rules, decode_rule, drop_rule, keep_rule, own_rules, rule_of
from services.analytics.rule_checks import Currencies, check_rule


def create_rule(connection: sqlite3.Connection, rule_id: str, wanted: AlertRuleInput) -> AlertRule:
    """Put a new rule in force.

    Raises:
        Rejected: it does not make sense, or its customer is not known.
        Conflict: `TOO_MANY_RULES`; the customer has `RULES_PER_CUSTOMER_MAX` already.
    """
    check_rule(wanted, held_by(connection, wanted.customer_id))
    if len(own_rules(connection, wanted.customer_id)) >= RULES_PER_CUSTOMER_MAX:
        raise Conflict(f"A customer has at most {RULES_PER_CUSTOMER_MAX} rules.", code="TOO_MANY_RULES")
    rule = rule_from(wanted, rule_id, 1)
    keep_rule(connection, rule)
    return rule


def change_rule(connection: sqlite3.Connection, rule_id: str, wanted: AlertRuleInput) -> AlertRule:
    """Put the next version of a rule in force; the same rule again changes nothing.

    Raises:
        Rejected: it does not make sense.
        NotFound: there is no such rule of this customer's own.
    """
    before = _own_rule(connection, rule_id, wanted.customer_id)
    check_rule(wanted, held_by(connection, wanted.customer_id))
    if rule_from(wanted, rule_id, before.version) == before:
        return before
    rule = rule_from(wanted, rule_id, before.version + 1)
    keep_rule(connection, rule)
    return rule


def delete_rule(connection: sqlite3.Connection, rule_id: str, customer_id: str) -> None:
    """Delete a rule; its alerts stay.

    Raises:
        NotFound: there is no such rule of this customer's own.
    """
    _own_rule(connection, rule_id, customer_id)
    drop_rule(connection, rule_id)


def rules_of(connection: sqlite3.Connection, customer_id: str) -> list[AlertRule]:
    """Return a customer's own rules and the bank-wide ones."""
    return own_rules(connection, customer_id) + bank_rules(connection)


def rules_by_id(connection: sqlite3.Connection, ids: list[str]) -> list[AlertRule]:
    """Return rules by id, of whichever customer; what does not exist is left out."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(f"SELECT body FROM rules WHERE id IN ({marks})", ids)  # noqa: S608 - marks only
    return [decode_rule(row[0]) for row in rows]


def held_by(connection: sqlite3.Connection, customer_id: str) -> Currencies:
    """Return the accounts a customer holds, with their currencies.

    Raises:
        Rejected: `UNKNOWN_CUSTOMER`; the customer holds no account.
    """
    rows = connection.execute(
        "SELECT account_id FROM holders WHERE customer_id = ? ORDER BY account_id", (customer_id,)
    )
    ids = [row[0] for row in rows]
    if not ids:
        raise Rejected("The customer holds no account.", code="UNKNOWN_CUSTOMER", pointer="/customerId")
    return {key: state.currency for key, state in account_states(connection, ids).items()}


def rule_from(wanted: AlertRuleInput, rule_id: str, version: int) -> AlertRule:
    """Make the rule that an input asks for."""
    return AlertRule(
        rule_id,
        wanted.name.strip(),
        version,
        wanted.state,
        wanted.severity,
        wanted.condition,
        wanted.cooldown_s,
        wanted.customer_id,
        list(wanted.account_ids),
    )


def _own_rule(connection: sqlite3.Connection, rule_id: str, customer_id: str) -> AlertRule:
    rule = rule_of(connection, rule_id)
    if rule is None or rule.customer_id != customer_id:
        raise NotFound("There is no such rule of the customer's own.")
    return rule
