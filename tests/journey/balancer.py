"""A plain TCP load balancer over gateway replicas, on a network as phones have it: it cuts, stalls and delays."""

import asyncio
import random
import socket
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

WAITING_BYTES_MAX = 16 * 1024
"""Bytes kept for an end that takes none: beyond it the other end is not read from, so that its own buffers fill."""

RECEIVE_BYTES = 4 * 1024


class _End(asyncio.Protocol):
    """One end of a line; what it reads goes to the other end, perhaps later."""

    def __init__(self, balancer: "Balancer") -> None:
        self.balancer = balancer
        self.other: _End | None = None
        self.transport: asyncio.Transport
        self.early: list[bytes] = []
        self.late: deque[bytes] = deque()
        """What is under way to the other end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(WAITING_BYTES_MAX)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
        elif self.balancer.delay_s or self.late:  # once the delay is over nothing may pass what it held up
            self.late.append(data)
            asyncio.get_running_loop().call_later(self.balancer.delay_s, self._arrive)
        else:
            self.other.transport.write(data)

    def _arrive(self) -> None:
        assert self.other is not None
        self.other.transport.write(self.late.popleft())

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self not in self.balancer.stalled:
            self.other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self.balancer.stalled.discard(self)
        if self.other is not None:
            self.balancer.lines.pop(self, None)
            self.other.transport.close()


class Balancer:
    """Passes each connection to one of the replicas, drawn at random; to another where that one does not listen."""

    def __init__(self, ports: Sequence[int], chance: random.Random) -> None:
        self._ports = ports
        self._chance = chance
        self.lines: dict[_End, None] = {}
        """The phones' ends."""
        self.stalled: set[_End] = set()
        """Those that get nothing just now, and are not told."""
        self.delay_s = 0.0
        """How much later everything arrives."""
        self._joining: set[asyncio.Task[None]] = set()

    def _drawn(self, share: float) -> list[_End]:
        lines = [line for line in self.lines if line not in self.stalled]
        return self._chance.sample(lines, round(len(lines) * share))

    def cut(self, share: float) -> int:
        """Cut some lines at both ends, in the middle of whatever they carry; returns how many."""
        drawn = self._drawn(share)
        for line in drawn:
            line.transport.abort()
        return len(drawn)

    def stall(self, share: float) -> int:
        """Let some lines carry nothing to the phone until `go_on`; returns how many."""
        drawn = self._drawn(share)
        for line in drawn:
            assert line.other is not None
            line.other.transport.pause_reading()
            self.stalled.add(line)
        return len(drawn)

    def go_on(self) -> None:
        """End all stalls: half of them by a cut."""
        for line in list(self.stalled):
            self.stalled.discard(line)
            assert line.other is not None
            if self._chance.random() < 0.5:
                line.transport.abort()
            elif not line.other.transport.is_closing():
                line.other.transport.resume_reading()

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[str]:
        """Listen on a free port; yields `host:port`."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._accept, "127.0.0.1", 0)
        try:
            yield "{}:{}".format(*server.sockets[0].getsockname())
        finally:
            server.close()
            for line in list(self.lines):
                line.transport.abort()

    def _accept(self) -> _End:
        near = _End(self)
        joining = asyncio.get_running_loop().create_task(self._join(near))
        self._joining.add(joining)
        joining.add_done_callback(self._joining.discard)
        return near

    async def _join(self, near: _End) -> None:
        loop = asyncio.get_running_loop()
        for port in self._chance.sample(self._ports, len(self._ports)):
            try:
                _, far = await loop.create_connection(lambda: _End(self), "127.0.0.1", port)
            except OSError:
                continue
            # Small, so that a line that carries nothing is soon felt by the gateway.
            far.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            near.other, far.other = far, near
            self.lines[near] = None
            for data in near.early:
                far.transport.write(data)
            if near.transport.is_closing():
                far.transport.close()
            return
        near.transport.abort()
