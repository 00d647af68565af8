"""Alert rules: bank-wide ones everyone sees, and customers' own."""

import msgspec

from contracts.accounts import Account
from contracts.alerts import AnyAlert
from contracts.failures import NotFound, Rejected
from contracts.rules import (
    COOLDOWN_S_MAX,
    PREVIEW_DAYS_MAX,
    AggregateCondition,
    AlertRule,
    AlertRuleInput,
    AlertRulePreview,
    AnyCondition,
)
from contracts.vocabulary import AlertKind, AlertSeverity, RuleState
from resolvers.accounts import own_accounts
from resolvers.bounds import Period, checked_days
from resolvers.context import Info
from resolvers.node_ids import decode_id_of, encode_node_id

NAME_CHARACTERS_MAX = 80
ACCOUNTS_MAX = 100
"""Most accounts one rule names."""

_RAISES = {
    "AMOUNT": AlertKind.LARGE_TRANSACTION,
    "BALANCE": AlertKind.LOW_BALANCE,
    "BASELINE": AlertKind.UNUSUAL_SPENDING,
    "COUNTRY": AlertKind.FOREIGN_TRANSACTION,
    "DECLINE": AlertKind.CARD_DECLINED,
    "FAILURE": AlertKind.FAILED_PAYMENT,
    "NEW_DEVICE": AlertKind.LOGIN,
}


class RuleDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as the app sends it; `account_ids` are global ids, `cooldown_s` seconds."""

    name: str
    severity: AlertSeverity
    condition: AnyCondition
    state: RuleState
    cooldown_s: int
    account_ids: list[str]


class RuleCreated(msgspec.Struct, frozen=True):
    rule: AlertRule


class RuleUpdated(msgspec.Struct, frozen=True):
    rule: AlertRule


class RuleDeleted(msgspec.Struct, frozen=True):
    deleted_id: str


def raises(root: AnyCondition) -> AlertKind:
    """Return the kind of alert a condition leads to."""
    if isinstance(root, AggregateCondition):
        return AlertKind.VELOCITY if root.count is not None else AlertKind.UNUSUAL_SPENDING
    return _RAISES[str(root.__struct_config__.tag)]


def bank_wide(root: AlertRule) -> bool:
    """Say whether the rule is the bank's own."""
    return root.customer_id is None


async def of_customer(info: Info) -> list[AlertRule]:
    """Return the caller's own rules and the bank-wide ones."""
    found = await info.context.backends.analytics.rules_of(info.context.customer_id, info.context.deadline)
    return [rule for rule in found if info.context.access.rule(rule)]


async def accounts(root: AlertRule, info: Info) -> list[Account]:
    """Return the accounts of the caller the rule watches: all of them where it names none."""
    return await own_accounts(info, root.account_ids or await info.context.access.account_ids())


async def preview(info: Info, draft: RuleDraft, days: int) -> AlertRulePreview:
    """Return what a rule would have raised in the last days; stores nothing."""
    checked_days(days, PREVIEW_DAYS_MAX)
    rule = await _checked(info, draft)
    return await info.context.backends.analytics.preview_rule(rule, days, info.context.deadline)


def preview_period(root: AlertRulePreview) -> Period:
    """Return the days that were examined."""
    return Period(root.start, root.end)


def preview_alerts(root: AlertRulePreview, info: Info) -> list[AnyAlert]:
    """Return what would have been raised."""
    return [alert for alert in root.alerts if info.context.access.alert(alert)]


async def create(info: Info, draft: RuleDraft) -> RuleCreated:
    """Put a new rule of the caller's in force."""
    context = info.context
    rule = await context.backends.analytics.create_rule(await _checked(info, draft), context.deadline)
    context.trail.about("AlertRule", rule.id)
    context.forget()
    return RuleCreated(rule)


async def update(info: Info, id: str, draft: RuleDraft) -> RuleUpdated:
    """Put a new version of one of the caller's rules in force; NotFound for any other rule."""
    context = info.context
    rule_id = await _own_rule_id(info, id)
    rule = await context.backends.analytics.update_rule(rule_id, await _checked(info, draft), context.deadline)
    context.forget()
    return RuleUpdated(rule)


async def delete(info: Info, id: str) -> RuleDeleted:
    """Delete one of the caller's rules; NotFound for any other rule."""
    context = info.context
    rule_id = await _own_rule_id(info, id)
    await context.backends.analytics.delete_rule(rule_id, context.customer_id, context.deadline)
    context.forget()
    return RuleDeleted(encode_node_id("AlertRule", rule_id))


async def _own_rule_id(info: Info, id: str) -> str:
    rule = await info.context.loaders.rules.load(info.context.subject("AlertRule", id))
    if rule is None or not info.context.access.rule(rule) or rule.customer_id is None:
        raise NotFound("There is no such rule of yours.")
    return rule.id


async def _checked(info: Info, draft: RuleDraft) -> AlertRuleInput:
    """Return the rule as the analytics service takes it, its accounts being the caller's."""
    if not 1 <= len(draft.name.strip()) <= NAME_CHARACTERS_MAX:
        raise Rejected(f"A name has 1 to {NAME_CHARACTERS_MAX} characters.", code="BAD_NAME", pointer="/name")
    if not 0 <= draft.cooldown_s <= COOLDOWN_S_MAX:
        raise Rejected(f"A cooldown is 0 to {COOLDOWN_S_MAX} seconds.", code="BAD_COOLDOWN", pointer="/cooldown")
    return AlertRuleInput(
        info.context.customer_id,
        draft.name.strip(),
        draft.severity,
        draft.condition,
        draft.state,
        draft.cooldown_s,
        await _account_ids(info, draft.account_ids),
    )


async def _account_ids(info: Info, ids: list[str]) -> list[str]:
    if len(ids) > ACCOUNTS_MAX:
        raise Rejected(f"A rule names at most {ACCOUNTS_MAX} accounts.", code="TOO_MANY", pointer="/accountIds")
    account_ids = []
    for place, id in enumerate(ids):
        account_id = decode_id_of("Account", id) if id else ""
        if not await info.context.access.account(account_id):
            raise NotFound("There is no such account.", pointer=f"/accountIds/{place}")
        account_ids.append(account_id)
    return account_ids
