"""The HTTP interface of alert rules. See docs/architecture.md."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import uuid4

from litestar import delete, get, post, put
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from contracts.rules import PREVIEW_DAYS_MAX, AlertRule, AlertRuleInput, AlertRulePreview
from contracts.transactions import ACCOUNTS_PER_CALL_MAX
from services.analytics.consumer import ReadFacts
from services.analytics.instants import day_of, micros_at
from services.analytics.previews import preview_rule
from services.analytics.rule_store import change_rule, create_rule, delete_rule, rules_by_id, rules_of
from services.database import Store

Ids = Annotated[list[str], QueryParameter(name="id", min_items=1, max_items=ACCOUNTS_PER_CALL_MAX)]
CustomerId = Annotated[str, QueryParameter(name="customerId", max_length=64)]


def rule_routes(database: Store, read_facts: ReadFacts, clock: Callable[[], datetime]) -> list[BaseRouteHandler]:
    """Return the handlers of rules."""

    @get("/rules", summary="A customer's own rules and the bank-wide ones")
    async def list_rules(customer_id: CustomerId) -> list[AlertRule]:
        return await database.read(lambda c: rules_of(c, customer_id))

    @get("/rules/by-id", summary="Rules by id")
    async def list_by_id(ids: Ids) -> list[AlertRule]:
        return await database.read(lambda c: rules_by_id(c, ids))

    @post("/rules", status_code=201, summary="Put a customer's new rule in force")
    async def post_rule(data: JSONBody[AlertRuleInput]) -> AlertRule:
        rule_id = f"rule-{uuid4().hex}"
        return await database.write(lambda c: create_rule(c, rule_id, data))

    @put("/rules/{rule_id:str}", summary="Put the next version of a customer's rule in force")
    async def put_rule(rule_id: FromPath[str], data: JSONBody[AlertRuleInput]) -> AlertRule:
        return await database.write(lambda c: change_rule(c, rule_id, data))

    @delete("/rules/{rule_id:str}", summary="Delete a customer's rule; its alerts stay")
    async def remove_rule(rule_id: FromPath[str], customer_id: CustomerId) -> None:
        await database.write(lambda c: delete_rule(c, rule_id, customer_id))

    @post("/rules/preview", status_code=200, summary="What a rule would have raised; writes nothing")
    async def post_preview(
        data: JSONBody[AlertRuleInput],
        days: Annotated[int, QueryParameter(ge=1, le=PREVIEW_DAYS_MAX)] = 90,
    ) -> AlertRulePreview:
        today = day_of(micros_at(clock()))
        return await read_facts(lambda c: preview_rule(c, data, today, days))

    return [list_rules, list_by_id, post_rule, put_rule, remove_rule, post_preview]
