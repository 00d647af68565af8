"""The stage after the alert log: what no app acknowledged in time is handed to push and SMS.

    outbox ──due──▶ decide (handoffs.py) ──▶ Notifier ──▶ alert log, outbox

It only asks the clock, twice a second, and never holds up the consumer. Killed between handing over and writing that
down, it hands over again under the same key, which the notifier knows. A pass handles the longest due first.

One alert that the code fails at does not keep the others from their phones: a channel that fails in a way nobody
expected has failed like one that is away, and is tried again; what fails otherwise is set aside until the next start.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from contracts.failures import Overloaded, Rejected, Unavailable
from services.analytics import metrics, outbox
from services.analytics.handoffs import (
    Bounds,
    Close,
    HandOff,
    Recipient,
    Send,
    Wait,
    after_failing,
    after_sending,
    is_last_attempt,
    next_step,
)
from services.analytics.instants import micros_at, time_text
from services.analytics.notifications import HandedOverInPart, Notifier, notification_of
from services.analytics.recipients import Recipients
from services.analytics.signals import Signal
from services.database import Database
from services.isolating import reason_of

POLL_S = 0.5
"""How late a hand-off may be noticed."""
PASS_MAX = 200
"""Hand-offs of one pass; there is no pause after a full one."""
AT_ONCE_MAX = 16
"""Hand-offs handled at the same time: the store's queue is the consumer's too."""
HAND_OVER_S_MAX = 10.0
"""How long the notifier has to take one."""

_log = structlog.get_logger(__name__)


class HandingOver:
    """The one task that hands over. Construct is free; `run` goes on until it is cancelled."""

    def __init__(
        self,
        database: Database,
        recipients: Recipients,
        notifier: Notifier,
        bounds: Bounds,
        clock: Callable[[], datetime],
        appended: Signal,
    ) -> None:
        self._database = database
        self._recipients = recipients
        self._notifier = notifier
        self._bounds = bounds
        self._clock = clock
        self._appended = appended
        self._room = asyncio.Semaphore(AT_ONCE_MAX)
        self._has_begun = False

    async def run(self) -> None:
        """Hand over what is due, for ever; failures of the store are waited out."""
        while True:
            try:
                handled = await self.run_once()
            except (Unavailable, Overloaded) as failure:
                _log.error("hand-off waits", code=failure.reason, detail=failure.detail)
                handled = 0
            if handled < PASS_MAX:
                await asyncio.sleep(POLL_S)

    async def run_once(self) -> int:
        """Handle what is due now, at most `PASS_MAX`; return how many.

        Raises:
            Unavailable, Overloaded: the store failed; what was not written down is due still.
        """
        now_us = self._now_us()
        if not self._has_begun:
            taken_up = await self._database.write(lambda c: outbox.take_up(c, now_us))
            self._has_begun = True
            if taken_up:
                _log.info("hand-offs taken up again", count=taken_up)
        rows = await self._database.read(lambda c: outbox.due(c, now_us, PASS_MAX))
        if not rows:
            return 0
        recipients = await self._read_recipients(rows)
        done = await asyncio.gather(*(self._handle(row, recipients) for row in rows), return_exceptions=True)
        for outcome in done:
            if isinstance(outcome, BaseException):
                raise outcome
        return len(rows)

    async def _read_recipients(self, rows: list[outbox.Row]) -> dict[str, Recipient] | None:
        try:
            return await self._recipients.of(sorted({row.customer_id for row in rows}))
        except Unavailable as failure:
            _log.warning("recipients away", detail=failure.detail, waiting=len(rows))
        except Exception as error:  # noqa: BLE001 - what is critical goes out whatever is wrong with preferences
            _log.error("recipients cannot be read", reason=reason_of(error), waiting=len(rows))
        return None

    async def _handle(self, row: outbox.Row, recipients: dict[str, Recipient] | None) -> None:
        async with self._room:
            try:
                await self._decide(row.waiting(), recipients)
            except (Unavailable, Overloaded):
                raise
            except Exception as error:  # noqa: BLE001 - one alert must not stop the others, whatever is wrong with it
                _log.error("hand-off set aside", alert=row.alert_id, reason=reason_of(error))
                await self._database.write(lambda c: outbox.set_aside(c, row.alert_id))
                metrics.HAND_OFFS_SET_ASIDE.inc()

    async def _decide(self, waiting: outbox.Waiting, recipients: dict[str, Recipient] | None) -> None:
        hand_off, alert = waiting
        recipient = None if recipients is None else recipients.get(alert.customer_id)
        match next_step(hand_off, alert, recipient, self._now_us(), self._bounds):
            case Wait(later):
                await self._database.write(lambda c: outbox.put(c, later))
            case Close(outcome):
                await self._database.write(lambda c: outbox.close(c, hand_off.alert_id))
                metrics.HAND_OFFS_CLOSED.labels(outcome).inc()
            case Send() as send:
                await self._send(waiting, send)

    async def _send(self, waiting: outbox.Waiting, send: Send) -> None:
        (hand_off, alert), channel = waiting, send.channel
        try:
            async with asyncio.timeout(HAND_OVER_S_MAX):
                await self._notifier.hand_over(notification_of(alert, channel))
        except Exception as failure:  # noqa: BLE001 - a notifier that fails as it should not is tried again, too
            if not (isinstance(failure, HandedOverInPart) and is_last_attempt(hand_off)):
                await self._note_failure(hand_off, send, failure)
                return
            _log.warning("handed over in part", channel=channel, alert=hand_off.alert_id, reason=reason_of(failure))
        now_us = self._now_us()
        after = after_sending(hand_off, now_us, self._bounds)
        await self._database.write(lambda c: outbox.record_sent(c, after, channel, time_text(now_us)))
        self._appended.wake()
        metrics.HANDED_OVER.labels(channel).inc()

    async def _note_failure(self, hand_off: HandOff, send: Send, failure: Exception) -> None:
        for_good, channel = isinstance(failure, Rejected), send.channel
        after = after_failing(hand_off, send, self._now_us(), for_good=for_good)
        _log.warning("not handed over", channel=channel, alert=hand_off.alert_id, reason=reason_of(failure))
        metrics.NOT_HANDED_OVER.labels(channel).inc()
        await self._database.write(lambda c: outbox.put(c, after))

    def _now_us(self) -> int:
        return micros_at(self._clock())
