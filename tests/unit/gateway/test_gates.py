"""Facts about what idle connections wait at, and about the frames that are written past ASGI."""

import asyncio

from websockets.frames import Frame, Opcode

from gateway.gates import Gate, Inbox, Line
from gateway.socket_connections import text_frame
from tests.cases import each


def test_a_line_is_first_come_first_served() -> None:
    """As uvicorn uses it: who comes is put on the left, who is served is taken from the right."""
    line = Line()
    for number in range(3):
        line.appendleft(number)
    assert [line.pop() for _ in range(3)] == [0, 1, 2]
    assert not line


async def test_an_open_gate_lets_pass() -> None:
    """It begins closed unless told otherwise."""
    await Gate(is_open=True).wait()
    assert (Gate().is_set(), Gate(is_open=True).is_set()) == (False, True)


async def test_a_gate_lets_all_pass_who_wait_once_it_opens() -> None:
    """One that was cancelled meanwhile is no hindrance; one that finds it closed again waits on."""
    gate = Gate()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    gate.clear()
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting[1:])
    gate.set()
    await asyncio.gather(*waiting[1:])


async def test_an_inbox_keeps_the_order() -> None:
    """What is put in comes out oldest first; its reader waits while it is empty."""
    inbox = Inbox()
    first = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    assert not first.done()
    for number in range(3):
        inbox.put_nowait(number)
    assert [await first, await inbox.get(), await inbox.get()] == [0, 1, 2]
    assert inbox.empty()


@each("size", [0, 1, 125, 126, 127, 65_535, 65_536, 300_000])
def test_a_frame_is_what_websockets_would_write(size: int) -> None:
    """To the byte, at every length of its head."""
    message = b"x" * size
    assert text_frame(message) == Frame(Opcode.TEXT, message).serialize(mask=False)
