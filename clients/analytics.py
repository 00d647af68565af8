"""The analytics service: insights, rules and alerts. Alerts by id or transaction are everyone's: the caller filters."""

from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.downstream import Downstream, Query, repeated, segment, target
from contracts.alerts import (
    AcknowledgeInput,
    AlertLogPage,
    AlertPage,
    AlertResponseInput,
    AnyAlert,
    DeliveryInput,
    MarkReadInput,
    MarkReadResult,
)
from contracts.insights import CashFlow, Forecast, RecurringPayment, SpendingReport
from contracts.rules import AlertRule, AlertRuleInput, AlertRulePreview

_alert: Decoder[AnyAlert] = Decoder(AnyAlert)
_alerts: Decoder[list[AnyAlert]] = Decoder(list[AnyAlert])
_alert_page = Decoder(AlertPage)
_log_page = Decoder(AlertLogPage)
_counts = Decoder(dict[str, int])
_marked = Decoder(MarkReadResult)
_rule, _rules = Decoder(AlertRule), Decoder(list[AlertRule])
_preview = Decoder(AlertRulePreview)
_spending = Decoder(SpendingReport)
_flows = Decoder(list[CashFlow])
_recurring = Decoder(list[RecurringPayment])
_forecast = Decoder(Forecast)


class AnalyticsClient:
    """Typed calls to the analytics service."""

    def __init__(self, service: Downstream) -> None:
        self._service = service

    async def ready(self) -> bool:
        """Say whether the service is ready."""
        return await self._service.ready()

    async def spending(self, account_ids: list[str], query: Query, deadline: Deadline) -> SpendingReport:
        """Return one report over the accounts; `query`: from, to, groupBy, currency."""
        path = target("/spending", [*repeated("accountId", account_ids), *query])
        return await self._service.get(path, _spending, deadline)

    async def cash_flow(self, account_ids: list[str], query: Query, deadline: Deadline) -> list[CashFlow]:
        """Return booked money in and out; `query`: from, to, interval, currency."""
        path = target("/cash-flow", [*repeated("accountId", account_ids), *query])
        return await self._service.get(path, _flows, deadline)

    async def recurring_payments(self, account_ids: list[str], deadline: Deadline) -> list[RecurringPayment]:
        path = target("/recurring-payments", repeated("accountId", account_ids))
        return await self._service.get(path, _recurring, deadline)

    async def forecast(self, account_ids: list[str], query: Query, deadline: Deadline) -> Forecast:
        """Return the projected balance over the accounts; `query`: days, currency."""
        path = target("/forecast", [*repeated("accountId", account_ids), *query])
        return await self._service.get(path, _forecast, deadline)

    async def rules_of(self, customer_id: str, deadline: Deadline) -> list[AlertRule]:
        """Return the customer's own rules and the bank-wide ones."""
        return await self._service.get(target("/rules", [("customerId", customer_id)]), _rules, deadline)

    async def rules(self, ids: list[str], deadline: Deadline) -> list[AlertRule]:
        return await self._service.get(target("/rules/by-id", repeated("id", ids)), _rules, deadline)

    async def create_rule(self, rule: AlertRuleInput, deadline: Deadline) -> AlertRule:
        return await self._service.post("/rules", rule, _rule, deadline)

    async def update_rule(self, rule_id: str, rule: AlertRuleInput, deadline: Deadline) -> AlertRule:
        """Put a new version in force; raises NotFound when the rule is not the customer's own."""
        return await self._service.put(f"/rules/{segment(rule_id)}", rule, _rule, deadline)

    async def delete_rule(self, rule_id: str, customer_id: str, deadline: Deadline) -> None:
        """Delete a rule; raises NotFound when it is not the customer's own."""
        await self._service.delete(target(f"/rules/{segment(rule_id)}", [("customerId", customer_id)]), deadline)

    async def preview_rule(self, rule: AlertRuleInput, days: int, deadline: Deadline) -> AlertRulePreview:
        """Return what the rule would have raised; writes nothing."""
        return await self._service.post(target("/rules/preview", [("days", str(days))]), rule, _preview, deadline)

    async def alert_page(self, customer_id: str, query: Query, deadline: Deadline) -> AlertPage:
        """Return alerts, newest first; `query`: first, after, state, minimumSeverity, kind."""
        return await self._service.get(target("/alerts", [("customerId", customer_id), *query]), _alert_page, deadline)

    async def alerts(self, ids: list[str], deadline: Deadline) -> list[AnyAlert]:
        return await self._service.get(target("/alerts/by-id", repeated("id", ids)), _alerts, deadline)

    async def alerts_about(self, transaction_ids: list[str], deadline: Deadline) -> list[AnyAlert]:
        path = target("/alerts/by-transaction", repeated("transactionId", transaction_ids))
        return await self._service.get(path, _alerts, deadline)

    async def unread_counts(self, customer_ids: list[str], deadline: Deadline) -> dict[str, int]:
        path = target("/alerts/unread-counts", repeated("customerId", customer_ids))
        return await self._service.get(path, _counts, deadline)

    async def acknowledge(self, alert_id: str, who: AcknowledgeInput, deadline: Deadline) -> AnyAlert:
        """Acknowledge an alert; repeats change nothing. Raises NotFound when it is not the customer's."""
        return await self._service.post(f"/alerts/{segment(alert_id)}/acknowledge", who, _alert, deadline)

    async def acknowledge_delivery(self, delivery: DeliveryInput, deadline: Deadline) -> list[AnyAlert]:
        """Tell how far alerts came on a device; repeats change nothing. Raises NotFound when one is not theirs."""
        return await self._service.post("/alerts/deliveries", delivery, _alerts, deadline)

    async def respond(self, alert_id: str, response: AlertResponseInput, deadline: Deadline) -> AnyAlert:
        """Store the customer's answer; repeats change nothing. Raises NotFound when it is not the customer's."""
        return await self._service.post(f"/alerts/{segment(alert_id)}/respond", response, _alert, deadline)

    async def mark_read(self, mark: MarkReadInput, deadline: Deadline) -> MarkReadResult:
        return await self._service.post("/alerts/mark-read", mark, _marked, deadline)

    async def alert_log(self, customer_id: str, after: int, limit: int, deadline: Deadline) -> AlertLogPage:
        """Return the customer's log entries after a seq, in order."""
        query = [("customerId", customer_id), ("after", str(after)), ("limit", str(limit))]
        return await self._service.get(target("/alert-log", query), _log_page, deadline)
