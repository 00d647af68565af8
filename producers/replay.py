"""Send a file's events to the event service, in order, chunk by chunk, so that it can be stopped and gone on with.

While one chunk is on its way the next is read in a thread. A chunk's verdicts are counted and the state is saved once
it is acknowledged; a chunk lost in between is sent again and comes back as duplicates.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from contracts.failures import Rejected
from producers.berka import BerkaSource
from producers.berka_tables import Tables
from producers.birmingham import BirminghamSource
from producers.event_client import CHUNK_BYTES_MAX, CHUNK_EVENTS_MAX, EventClient
from producers.replay_tallies import ReplayState, StateFile, Tally
from producers.sources import BadRow, CloudEventsSource, File, Item, Record, Source

FORMATS = ("cloudevents", "birmingham", "berka")
CHUNKS_A_SECOND = 10
"""With a rate, chunks are small enough that about this many go out each second."""

OnProgress = Callable[[float, Tally], None]


class Chunk(msgspec.Struct):
    """What is sent, counted and saved together."""

    records: list[Record] = msgspec.field(default_factory=list)
    bad: list[BadRow] = msgspec.field(default_factory=list)

    @property
    def items(self) -> int:
        """How many items of the source it takes."""
        return len(self.records) + len(self.bad)


def format_of(path: Path) -> str:
    """Guess a file's format from what it begins with.

    Raises:
        Rejected: `UNREADABLE_FILE` or `WRONG_FORMAT`.
    """
    if path.is_dir():
        return "berka"
    if not path.is_file():
        raise Rejected(f"{path} does not exist.", code="UNREADABLE_FILE")
    with File(path).opened() as stream:
        start = stream.read(4096).lstrip()
    if start.startswith(b"{"):
        return "cloudevents"
    if b"card_masked" in start:
        return "birmingham"
    if start.startswith(b"trans_id,"):
        return "berka"
    raise Rejected(f"{path.name} is of no known format; name one with --format.", code="WRONG_FORMAT")


def source_of(path: Path, format_name: str) -> tuple[Source, list[Path]]:
    """Return the source of a format and the files it reads.

    Raises:
        Rejected: `UNREADABLE_FILE`: a file is missing.
    """
    if format_name == "berka":
        return BerkaSource(path), Tables(path).paths()
    if not path.is_file():
        raise Rejected(f"{path} is not a file.", code="UNREADABLE_FILE")
    return (BirminghamSource(path) if format_name == "birmingham" else CloudEventsSource(path)), [path]


async def replay(
    source: Source,
    client: EventClient,
    state: ReplayState,
    state_file: StateFile,
    *,
    rate: float | None = None,
    on_progress: OnProgress = lambda _share, _tally: None,
) -> Tally:
    """Send what `state` does not count yet and return the counts of the whole; `rate` is events a second at most.

    Raises:
        Failure: the file cannot be read on, or the event service refuses or stays away; the state is saved.
    """
    resent = await _is_resumed(state, client)
    chunks = _chunks(islice(source.items(), state.items, None), _chunk_size(rate))
    started, sent = time.monotonic(), 0
    chunk = await asyncio.to_thread(next, chunks, None)
    while chunk is not None:
        following = asyncio.create_task(asyncio.to_thread(next, chunks, None))
        try:
            await _send(chunk, client, state, resent)
            state_file.save(state)
        finally:
            await asyncio.wait([following])  # a thread cannot be stopped, only waited for
        on_progress(source.progress(), state.tally)
        sent, resent = sent + chunk.items, False
        if rate is not None:
            await asyncio.sleep(started + sent / rate - time.monotonic())
        chunk = following.result()
    state_file.forget()
    return state.tally


async def _is_resumed(state: ReplayState, client: EventClient) -> bool:
    if not state.items:
        return False
    if await client.holds(state.offset):
        client.resume_from(state.offset)
        return True
    state.items, state.offset, state.tally = 0, 0, Tally()  # the log was started over: so is the replay
    return False


async def _send(chunk: Chunk, client: EventClient, state: ReplayState, resent: bool) -> None:
    if chunk.records:
        answer = await client.post([record.line for record in chunk.records], resent=resent)
        for record, verdict in zip(chunk.records, answer.verdicts, strict=True):
            state.tally.count(record, verdict)
        state.offset = answer.summary.offset
    for bad in chunk.bad:
        state.tally.count_bad(bad)
    state.items += chunk.items


def _chunk_size(rate: float | None) -> int:
    return CHUNK_EVENTS_MAX if rate is None else max(1, min(CHUNK_EVENTS_MAX, int(rate / CHUNKS_A_SECOND)))


def _chunks(items: Iterator[Item], size: int) -> Iterator[Chunk]:
    chunk, length = Chunk(), 0
    for item in items:
        added = len(item.line) if isinstance(item, Record) else 0
        if chunk.items >= size or (chunk.items and length + added > CHUNK_BYTES_MAX):
            yield chunk
            chunk, length = Chunk(), 0
        if isinstance(item, Record):
            chunk.records.append(item)
        else:
            chunk.bad.append(item)
        length += added
    if chunk.items:
        yield chunk
