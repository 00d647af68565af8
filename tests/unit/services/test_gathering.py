"""What is handed on together of a stream that is quiet, busy, or ahead of its reader; in virtual time."""

import asyncio
from collections.abc import Sequence

import pytest

from services.gathering import BUSY_LINES_MIN, FULL_LINES, LINE_BYTES_MAX, LineTooLong, gathered
from tests.virtual_time import run_in_virtual_time

GATHER_S = 0.03
IDLE_S = 1.0


def _handed_on(chunks: Sequence[tuple[float, bytes]], work_s: float = 0.0) -> list[tuple[float, int]]:
    """Return when how many lines were handed on to a reader that works so long on each, given when they come."""

    async def play() -> list[tuple[float, int]]:
        loop = asyncio.get_running_loop()
        came: asyncio.Queue[bytes] = asyncio.Queue()
        for at_s, chunk in [*chunks, (chunks[-1][0] + 0.5, b"")]:
            loop.call_at(at_s, came.put_nowait, chunk)

        async def read() -> bytes:
            parts = [await came.get()]
            while parts[-1] and not came.empty():
                parts.append(came.get_nowait())
            if len(parts) > 1 and not parts[-1]:
                came.put_nowait(b"")
            return b"".join(parts)

        handed_on = []
        async for lines in gathered(read, gather_s=GATHER_S, idle_s=IDLE_S):
            handed_on.append((round(loop.time(), 3), lines.count(b"\n")))
            await asyncio.sleep(work_s)
        return handed_on

    return run_in_virtual_time(play())


def test_lines_of_a_quiet_stream_are_handed_on_as_they_come() -> None:
    """An alert waits for nothing where nothing else is to be done."""
    assert _handed_on([(at_s, b"x\n") for at_s in (0.01, 0.02, 0.03)]) == [(0.01, 1), (0.02, 1), (0.03, 1)]


def test_lines_of_a_busy_stream_are_gathered() -> None:
    """After many at once the next are handed on together when their time has come."""
    busy = b"x\n" * BUSY_LINES_MIN
    assert _handed_on([(0.0, busy), (0.01, busy), (0.02, busy), (0.04, b"x\n")]) == [
        (0.0, BUSY_LINES_MIN),
        (0.03, 2 * BUSY_LINES_MIN),
        (0.06, 1),
    ]


def test_a_reader_that_is_behind_is_never_waited_for() -> None:
    """As soon as a full batch waits it is handed on, whatever the time."""
    full = b"x\n" * FULL_LINES
    times = [(n / 100, full) for n in range(6)]
    assert [at_s for at_s, _ in _handed_on(times)] == [0.0, 0.01, 0.02, 0.03, 0.04, 0.05]
    assert _handed_on(times, work_s=0.025) == [(0.0, FULL_LINES), (0.025, 2 * FULL_LINES), (0.05, 3 * FULL_LINES)]


def test_a_stream_with_nothing_to_say_is_told_to_be_quiet() -> None:
    """b"" after a while, so that the reader can do what waits for quiet."""
    assert _handed_on([(0.0, b"x\n"), (2.5, b"x\n")]) == [(0.0, 1), (1.0, 0), (2.0, 0), (2.5, 1)]


def test_a_line_waits_for_its_end_and_whole_lines_do_not_wait_for_the_streams() -> None:
    """Chunks end anywhere; what a cut stream leaves unfinished is nobody's."""
    busy = b"x\n" * BUSY_LINES_MIN
    assert _handed_on([(0.0, b"x"), (0.1, b"x\ny")]) == [(0.1, 1)]
    assert _handed_on([(0.0, busy), (0.01, b"x\n")])[-1] == (0.03, 1)


def test_a_line_without_end_is_refused() -> None:
    """Memory has a bound whatever the peer sends."""
    with pytest.raises(LineTooLong):
        _handed_on([(0.0, b"x" * LINE_BYTES_MAX), (0.1, b"xx")])
