"""The HTTP interface of what customers do with alerts, on which device. See docs/architecture.md."""

from collections.abc import Callable
from datetime import datetime

from litestar import post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from contracts.alerts import (
    AcknowledgeInput,
    AlertResponseInput,
    AnyAlert,
    DeliveryInput,
    MarkReadInput,
    MarkReadResult,
)
from services.analytics.alert_states import ACTION_OF, AlertAction
from services.analytics.answers import MARKED_AT_ONCE_MAX, acknowledge_delivery, change_alert, mark_read
from services.analytics.instants import micros_at, time_text
from services.analytics.signals import Signal
from services.database import Database


class Answering:
    """Writes down what customers do, in the present, and wakes who follows the log."""

    def __init__(self, database: Database, appended: Signal, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._appended = appended
        self._clock = clock

    async def change(self, alert_id: str, customer_id: str, action: AlertAction, device_id: str | None) -> AnyAlert:
        """Apply an action to one alert."""
        at = self._now()
        alert, changed = await self._database.write(
            lambda c: change_alert(c, alert_id, customer_id, action, at, device_id)
        )
        self._wake(changed)
        return alert

    async def deliver(self, delivery: DeliveryInput) -> list[AnyAlert]:
        """Note how far alerts came."""
        at = self._now()
        alerts, changed = await self._database.write(lambda c: acknowledge_delivery(c, delivery, at))
        self._wake(changed)
        return alerts

    async def mark_read(self, mark: MarkReadInput) -> MarkReadResult:
        """Mark as read, a bounded number in each transaction."""
        at, changed = self._now(), 0
        while True:
            result = await self._database.write(lambda c: mark_read(c, mark, at))
            changed += result.changed_count
            self._wake(result.changed_count > 0)
            if result.changed_count < MARKED_AT_ONCE_MAX:
                return MarkReadResult(changed, result.unread_count)

    def _now(self) -> str:
        return time_text(micros_at(self._clock()))

    def _wake(self, changed: bool) -> None:
        if changed:
            self._appended.wake()


def answer_routes(answering: Answering) -> list[BaseRouteHandler]:
    """Return the handlers."""

    @post("/alerts/{alert_id:str}/acknowledge", status_code=200, summary="Acknowledge an alert")
    async def acknowledge(alert_id: FromPath[str], data: JSONBody[AcknowledgeInput]) -> AnyAlert:
        return await answering.change(alert_id, data.customer_id, AlertAction.ACKNOWLEDGE, data.device_id)

    @post("/alerts/{alert_id:str}/respond", status_code=200, summary="Store the customer's answer to an alert")
    async def respond(alert_id: FromPath[str], data: JSONBody[AlertResponseInput]) -> AnyAlert:
        return await answering.change(alert_id, data.customer_id, ACTION_OF[data.response], data.device_id)

    @post("/alerts/deliveries", status_code=200, summary="Tell how far alerts came on a device; all or none")
    async def post_deliveries(data: JSONBody[DeliveryInput]) -> list[AnyAlert]:
        return await answering.deliver(data)

    @post("/alerts/mark-read", status_code=200, summary="Mark alerts up to a seq as read")
    async def post_mark_read(data: JSONBody[MarkReadInput]) -> MarkReadResult:
        return await answering.mark_read(data)

    return [acknowledge, respond, post_deliveries, post_mark_read]
