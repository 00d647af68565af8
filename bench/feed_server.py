"""The gateway as it serves the feed, over an alert log in memory: what `make bench-feed` measures.

All is real but the log and its hints: the edge, tokens, documents, plans, hub, deliveries and audit record.
Alerts are raised by datagrams `{first, last, count}` for customers `c<first>`..`c<last>`; ports go to standard output.
Caps by address and customer are lifted, as one load generator plays ten thousand phones.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec

from clients.backends import backends_over
from clients.deadline import Deadline, Errand
from clients.http_transport import HttpTransport
from contracts.alerts import AlertLogEntry, AlertLogPage, AlertReason, LogEntryKind, LoginAlert
from contracts.feed import AccountChange
from contracts.logs import configure_logs
from contracts.settings import Settings
from contracts.vocabulary import AlertSeverity, AlertState, DevicePlatform
from gateway.connections import Caps
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import assemble_engine
from gateway.feed import AlertFeed
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys
from gateway.listeners import server_config
from gateway.plans.modes import ExecutionMode, execution_class
from gateway.revocation_stores import RevocationFile
from gateway.revocations import Revocations
from gateway.server import Server
from resolvers.context import RequestContext
from resolvers.cursors import CursorCodec
from resolvers.principal import Principal
from schema.build import build_schema

NO_CAP = 1_000_000
_decoder, _encoder = msgspec.json.Decoder(AlertLogEntry), msgspec.json.Encoder()


def _entry(customer: str, seq: int, offset: int, now: str) -> AlertLogEntry:
    alert = LoginAlert(
        id=f"alert-{customer}-{seq}", customer_id=customer, seq=seq, severity=AlertSeverity.HIGH,
        state=AlertState.NEW, title="New sign-in", body="Somebody signed in on a new device in Berlin.",
        occurred_at=now, raised_at=now, rule_id="r", rule_version=1,
        reasons=[AlertReason("NEW_DEVICE", "device-1")], device_id="device-1", platform=DevicePlatform.IOS,
    )  # fmt: skip
    return AlertLogEntry(offset, customer, seq, LogEntryKind.RAISED, now, alert)


_SEQ, _OFFSET = 987_654_321, 876_543_219
"""Numbers that stand in a template for those of an entry."""


def _template(now: str) -> bytes:
    """Return an entry's line to fill in: making one is another service's work, and would be measured here."""
    line = _encoder.encode(_entry("%(customer)s", _SEQ, _OFFSET, now))
    return line.replace(b"%d" % _SEQ, b"%(seq)d").replace(b"%d" % _OFFSET, b"%(offset)d")


class MemoryLog(asyncio.DatagramProtocol):
    """The customers' logs; what is raised is hinted as the analytics service would, as bytes to decode."""

    def __init__(self) -> None:
        self.lines: defaultdict[str, list[bytes]] = defaultdict(list)
        self._hints: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self._offset = 0

    def datagram_received(self, data: bytes, _: Any) -> None:
        """Raise alerts."""
        wanted = json.loads(data)
        template = _template(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        batch = []
        for _ in range(wanted["count"]):
            for number in range(wanted["first"], wanted["last"] + 1):
                self._offset += 1
                lines = self.lines[f"c{number}"]
                filled = {b"customer": b"c%d" % number, b"seq": len(lines) + 1, b"offset": self._offset}
                lines.append(template % filled)
                batch.append(lines[-1])
        self._hints.put_nowait(batch)

    async def entries(self, after: int) -> AsyncGenerator[list[AlertLogEntry]]:
        """Yield hints, and first that the stream is attached."""
        assert after == -1
        yield []
        while True:
            yield [_decoder.decode(line) for line in await self._hints.get()]

    async def read(self, customer_id: str, after: int, limit: int, _: Deadline) -> AlertLogPage:
        """Read as the analytics client does."""
        await asyncio.sleep(0)
        lines = self.lines.get(customer_id, [])
        return AlertLogPage(customer_id, [_decoder.decode(one) for one in lines[after : after + limit]], 1, len(lines))


class Never:
    """Account changes that do not happen."""

    async def entries(self, after: int) -> AsyncGenerator[list[AccountChange]]:
        """Wait for ever."""
        await asyncio.Event().wait()
        yield [AccountChange(after, "")]


async def serve(folder: Path, subscribes_per_s: int) -> None:
    """Serve until SIGTERM."""
    configure_logs("WARNING")
    settings = Settings(
        data_dir=folder, demo=True, customer_cost_per_minute=10_000_000, address_requests_per_minute=10_000_000,
        subscribes_per_s=subscribes_per_s,
    )  # fmt: skip
    log = MemoryLog()
    feed = AlertFeed(log.read, log, Never())
    backends, cursors = backends_over(HttpTransport(), settings), CursorCodec([b"k" * 32])

    def make_context(principal: Principal) -> RequestContext:
        return RequestContext(principal, backends, Errand.of(principal.customer_id, 5), feed, cursors)

    assembly = assemble_engine(settings, build_schema(execution_class(ExecutionMode.COMPILED)), make_context)
    issuer = DemoIssuer.open(folder, audience=settings.audience)
    authenticator = Authenticator(
        {ISSUER: FixedKeys([issuer.public_key])},
        Revocations(RevocationFile(folder / "revocations.ndjson")),
        audience=settings.audience,
        clock=time.time,
    )

    async def checks() -> dict[str, bool]:
        return {}

    app = create_edge(
        settings, engine=assembly.engine, authenticator=authenticator, rates=assembly.rates, checks=checks
    )
    for transport in (app.state.sockets, app.state.streams):
        transport.customers, transport.addresses = Caps(NO_CAP, "phones"), Caps(NO_CAP, "phones")
    trigger, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: log, local_addr=("127.0.0.1", 0))
    running = asyncio.create_task(feed.run())
    server = Server(server_config(app, host="127.0.0.1", port=0), app.state.draining, 0)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "trigger": trigger.get_extra_info("sockname")[1]}), flush=True)
    await serving
    running.cancel()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
