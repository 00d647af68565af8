"""What every event log promises, whatever it is kept in; an adapter's tests inherit this suite."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest

from contracts.events import LogEntry
from contracts.ingest import RecordVerdict, Verdict
from services.events.log_pages import LogPage
from services.events.screening import Record, Refused
from services.events.store import EventLog
from tests.unit.services.events.samples import OPENING, payment, screened

Open = Callable[[], AbstractAsyncContextManager[EventLog]]
"""Opens the same log each time, as a restarted process would."""

entries = msgspec.json.Decoder(LogEntry)


def verdicts_of(answer: list[RecordVerdict]) -> list[Verdict]:
    return [verdict.verdict for verdict in answer]


async def opened(log: EventLog) -> EventLog:
    """Make the sample customer and accounts known: the log's first three entries."""
    await log.append_batch([screened(record) for record in OPENING])
    return log


async def pages_of(log: EventLog, limit: int) -> list[LogPage]:
    """Read the whole log; the last page is empty."""
    pages = [await log.read(0, limit)]
    while pages[-1].count:
        pages.append(await log.read(pages[-1].last, limit))
    return pages


class EventLogContract:
    """The suite; a subclass provides the fixture `open_log`."""

    async def test_offsets_start_at_one_and_have_no_holes(self, open_log: Open) -> None:
        """Duplicates and refusals take no offset."""
        async with open_log() as log:
            await opened(log)
            records: list[Record] = [
                screened(payment(id="p-1")),
                screened(payment(id="p-1")),
                Refused(b"?", "MALFORMED_JSON", "No."),
            ]
            await log.append_batch([*records, screened(payment("payment.pending", id="p-2"))])
            pages = await pages_of(log, 100)
        found = [entry for page in pages for entry in entries.decode_lines(page.lines)]
        assert [entry.offset for entry in found] == [1, 2, 3, 4, 5]
        assert [entry.event.id for entry in found] == ["c-1", "a-1", "a-2", "p-1", "p-2"]
        assert (sum(page.count for page in pages), pages[-1].last) == (5, 5)

    async def test_a_key_is_accepted_once_within_a_batch(self, open_log: Open) -> None:
        """The second record of a batch with the same key and meaning is a duplicate of the first."""
        async with open_log() as log:
            answer = await (await opened(log)).append_batch([screened(payment()), screened(payment())])
        assert verdicts_of(answer) == [Verdict.ACCEPTED, Verdict.DUPLICATE]
        assert answer[0].offset == answer[1].offset == 4

    async def test_a_key_is_accepted_once_across_restarts(self, open_log: Open) -> None:
        """A log opened again knows what it has, and what accounts there are."""
        async with open_log() as log:
            await (await opened(log)).append_batch([screened(payment())])
        async with open_log() as log:
            answer = await log.append_batch([screened(payment()), screened(payment(id="p-2", transactionId="tx-2"))])
            last = await log.last_offset()
        assert verdicts_of(answer) == [Verdict.DUPLICATE, Verdict.ACCEPTED]
        assert last == 5

    async def test_a_key_is_accepted_once_among_concurrent_producers(self, open_log: Open) -> None:
        """Of producers that send the same at the same time exactly one is told accepted."""
        async with open_log() as log:
            await opened(log)
            batch = [screened(payment(id=f"p-{n}", transactionId=f"tx-{n}")) for n in range(20)]
            answers = await asyncio.gather(*(log.append_batch(batch) for _ in range(5)))
            last = await log.last_offset()
        verdicts = [verdict for answer in answers for verdict in verdicts_of(answer)]
        assert (verdicts.count(Verdict.ACCEPTED), verdicts.count(Verdict.DUPLICATE), last) == (20, 80, 23)

    async def test_the_same_key_with_another_meaning_is_a_conflict(self, open_log: Open) -> None:
        """A conflict names the first event's offset, is kept as a dead letter and is not in the log."""
        async with open_log() as log:
            await (await opened(log)).append_batch([screened(payment())])
            [verdict] = await log.append_batch([screened(payment(counterparty="Someone else"))])
            last = await log.last_offset()
        assert (verdict.verdict, verdict.reason, verdict.offset, last) == (Verdict.CONFLICT, "CONFLICT", 4, 4)
        assert verdict.dead_letter_id is not None

    @pytest.mark.parametrize(
        ("record", "reason"),
        [
            (payment(accountId="acc-9"), "UNKNOWN_ACCOUNT"),
            (payment(accountId="acc-2"), "CURRENCY_MISMATCH"),
            (payment(balanceAfter={"amount": "1", "currency": "JPY"}), "CURRENCY_MISMATCH"),
        ],
    )
    async def test_what_the_log_does_not_know_is_refused(self, open_log: Open, record: bytes, reason: str) -> None:
        """Events about accounts never opened, or in another currency, do not enter the log."""
        async with open_log() as log:
            [verdict] = await (await opened(log)).append_batch([screened(record)])
        assert (verdict.verdict, verdict.reason) == (Verdict.REJECTED, reason)

    async def test_an_account_without_registered_holders_is_refused(self, open_log: Open) -> None:
        """Holders must be known before their account."""
        async with open_log() as log:
            [verdict] = await log.append_batch([screened(OPENING[1])])
        assert (verdict.reason, verdict.pointer) == ("UNKNOWN_CUSTOMER", "/data/parties/0/customerId")

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
    async def test_a_page_ends_at_its_limit_and_the_next_goes_on(self, open_log: Open, limit: int) -> None:
        """Pages join without hole or repeat wherever they are cut, and have no more entries than asked."""
        async with open_log() as log:
            await opened(log)
            for first in (0, 3):
                batch = [payment(id=f"p-{n}", transactionId=f"tx-{n}") for n in range(first, first + 3)]
                await log.append_batch([screened(record) for record in batch])
            pages = await pages_of(log, limit)
        offsets = [entry.offset for page in pages for entry in entries.decode_lines(page.lines)]
        assert offsets == list(range(1, 10))
        assert all(page.lines.count(b"\n") == page.count <= limit for page in pages)

    async def test_nothing_is_read_after_the_end(self, open_log: Open) -> None:
        """A page after the last entry, or beyond it, is empty and stays where it is."""
        async with open_log() as log:
            await opened(log)
            pages = [await log.read(after, 10) for after in (3, 7)]
        assert [(page.count, page.last, page.lines) for page in pages] == [(0, 3, b""), (0, 7, b"")]

    async def test_an_append_wakes_who_waits(self, open_log: Open) -> None:
        """The event taken before the append is set by it."""
        async with open_log() as log:
            appended = log.appended()
            await opened(log)
            assert appended.is_set()
            assert not log.appended().is_set()
