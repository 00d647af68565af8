"""The analytics service: insights, rules and alerts. Alerts by id or transaction are everyone's: the caller filters."""

from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.downstream import Asked, Downstream
from clients.routes import Priority, Query, Route, reads
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
_rule = Decoder(AlertRule)
_rules = Decoder(list[AlertRule])

SPENDING = reads("/spending", Decoder(SpendingReport), Priority.INSIGHTS, keeps=True)
CASH_FLOW = reads("/cash-flow", Decoder(list[CashFlow]), Priority.INSIGHTS, keeps=True)
RECURRING_PAYMENTS = reads("/recurring-payments", Decoder(list[RecurringPayment]), Priority.INSIGHTS, keeps=True)
FORECAST = reads("/forecast", Decoder(Forecast), Priority.INSIGHTS, keeps=True)
RULES_OF = reads("/rules", _rules, Priority.BALANCES)
RULES = reads("/rules/by-id", _rules, Priority.BALANCES)
CREATE_RULE = Route("POST", "/rules", _rule, Priority.BALANCES, repeatable=False)
UPDATE_RULE = Route("PUT", "/rules/{}", _rule, Priority.BALANCES, repeatable=False)
DELETE_RULE = Route("DELETE", "/rules/{}", Decoder(None), Priority.BALANCES, repeatable=False)
PREVIEW_RULE = Route("POST", "/rules/preview", Decoder(AlertRulePreview), Priority.INSIGHTS, repeatable=False)
ALERT_PAGE = reads("/alerts", Decoder(AlertPage), Priority.FRAUD)
ALERTS = reads("/alerts/by-id", _alerts, Priority.FRAUD)
ALERTS_ABOUT = reads("/alerts/by-transaction", _alerts, Priority.FRAUD)
UNREAD_COUNTS = reads("/alerts/unread-counts", Decoder(dict[str, int]), Priority.FRAUD)
ACKNOWLEDGE = Route("POST", "/alerts/{}/acknowledge", _alert, Priority.FRAUD, repeatable=True)
ACKNOWLEDGE_DELIVERY = Route("POST", "/alerts/deliveries", _alerts, Priority.FRAUD, repeatable=True)
RESPOND = Route("POST", "/alerts/{}/respond", _alert, Priority.FRAUD, repeatable=True)
MARK_READ = Route("POST", "/alerts/mark-read", Decoder(MarkReadResult), Priority.FRAUD, repeatable=False)
ALERT_LOG = reads("/alert-log", Decoder(AlertLogPage), Priority.FRAUD)


class AnalyticsClient:
    """Typed calls to the analytics service."""

    def __init__(self, service: Downstream) -> None:
        self._service = service

    async def ready(self) -> bool:
        """Say whether the service is ready."""
        return await self._service.ready()

    def spending(self, account_ids: list[str], query: Query, deadline: Deadline) -> Asked[SpendingReport]:
        """Return one report over the accounts; `query`: from, to, groupBy, currency."""
        return self._service.call(SPENDING, deadline, [("accountId", account_ids), *query])

    def cash_flow(self, account_ids: list[str], query: Query, deadline: Deadline) -> Asked[list[CashFlow]]:
        """Return booked money in and out; `query`: from, to, interval, currency."""
        return self._service.call(CASH_FLOW, deadline, [("accountId", account_ids), *query])

    def recurring_payments(self, account_ids: list[str], deadline: Deadline) -> Asked[list[RecurringPayment]]:
        return self._service.call(RECURRING_PAYMENTS, deadline, [("accountId", account_ids)])

    def forecast(self, account_ids: list[str], query: Query, deadline: Deadline) -> Asked[Forecast]:
        """Return the projected balance over the accounts; `query`: days, currency."""
        return self._service.call(FORECAST, deadline, [("accountId", account_ids), *query])

    def rules_of(self, customer_id: str, deadline: Deadline) -> Asked[list[AlertRule]]:
        """Return the customer's own rules and the bank-wide ones."""
        return self._service.call(RULES_OF, deadline, [("customerId", customer_id)])

    def rules(self, ids: list[str], deadline: Deadline) -> Asked[list[AlertRule]]:
        return self._service.call(RULES, deadline, [("id", ids)])

    def create_rule(self, rule: AlertRuleInput, deadline: Deadline) -> Asked[AlertRule]:
        return self._service.call(CREATE_RULE, deadline, body=rule)

    def update_rule(self, rule_id: str, rule: AlertRuleInput, deadline: Deadline) -> Asked[AlertRule]:
        """Put a new version in force; raises NotFound when the rule is not the customer's own."""
        return self._service.call(UPDATE_RULE, deadline, segment=rule_id, body=rule)

    def delete_rule(self, rule_id: str, customer_id: str, deadline: Deadline) -> Asked[None]:
        """Delete a rule; raises NotFound when it is not the customer's own."""
        return self._service.call(DELETE_RULE, deadline, [("customerId", customer_id)], segment=rule_id)

    def preview_rule(self, rule: AlertRuleInput, days: int, deadline: Deadline) -> Asked[AlertRulePreview]:
        """Return what the rule would have raised; writes nothing."""
        return self._service.call(PREVIEW_RULE, deadline, [("days", str(days))], body=rule)

    def alert_page(self, customer_id: str, query: Query, deadline: Deadline) -> Asked[AlertPage]:
        """Return alerts, newest first; `query`: first, after, state, minimumSeverity, kind."""
        return self._service.call(ALERT_PAGE, deadline, [("customerId", customer_id), *query])

    def alerts(self, ids: list[str], deadline: Deadline) -> Asked[list[AnyAlert]]:
        return self._service.call(ALERTS, deadline, [("id", ids)])

    def alerts_about(self, transaction_ids: list[str], deadline: Deadline) -> Asked[list[AnyAlert]]:
        return self._service.call(ALERTS_ABOUT, deadline, [("transactionId", transaction_ids)])

    def unread_counts(self, customer_ids: list[str], deadline: Deadline) -> Asked[dict[str, int]]:
        return self._service.call(UNREAD_COUNTS, deadline, [("customerId", customer_ids)])

    def acknowledge(self, alert_id: str, who: AcknowledgeInput, deadline: Deadline) -> Asked[AnyAlert]:
        """Acknowledge an alert; repeats change nothing. Raises NotFound when it is not the customer's."""
        return self._service.call(ACKNOWLEDGE, deadline, segment=alert_id, body=who)

    def acknowledge_delivery(self, delivery: DeliveryInput, deadline: Deadline) -> Asked[list[AnyAlert]]:
        """Tell how far alerts came on a device; repeats change nothing. Raises NotFound when one is not theirs."""
        return self._service.call(ACKNOWLEDGE_DELIVERY, deadline, body=delivery)

    def respond(self, alert_id: str, response: AlertResponseInput, deadline: Deadline) -> Asked[AnyAlert]:
        """Store the customer's answer; repeats change nothing. Raises NotFound when it is not the customer's."""
        return self._service.call(RESPOND, deadline, segment=alert_id, body=response)

    def mark_read(self, mark: MarkReadInput, deadline: Deadline) -> Asked[MarkReadResult]:
        return self._service.call(MARK_READ, deadline, body=mark)

    def alert_log(self, customer_id: str, after: int, limit: int, deadline: Deadline) -> Asked[AlertLogPage]:
        """Return the customer's log entries after a seq, in order."""
        query = [("customerId", customer_id), ("after", str(after)), ("limit", str(limit))]
        return self._service.call(ALERT_LOG, deadline, query)
