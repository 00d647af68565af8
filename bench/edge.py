"""What the edge costs a request: the whole ASGI application against the bare floor, in the same run: `make bench-edge`.

The whole: hosts, request id, rates, a token verified before, body, document, cost, scopes, execution, audit, metrics,
headers. The floor reads the same body, executes the same operation and sends the same answer, and does nothing else.
Both answer a small query from memory; what lies between them is the edge. A sampled profile of the whole follows.

    python -m bench.edge [--rounds 200] [--requests 100]
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import uvloop
from graphql import parse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.execution import optimized_is_awaitable

from bench.machine import describe_machine
from bench.memory import MemoryServices, memory_context
from bench.sampling import Sampler
from contracts.scopes import TokenScope
from contracts.settings import Settings
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import assemble_engine
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys
from gateway.plans.modes import ExecutionMode, execution_class
from gateway.revocation_stores import RevocationFile
from gateway.revocations import Revocations
from gateway.server import GC_THRESHOLDS
from schema.build import build_schema

QUERY = "query Small { viewer { id } }"
BODY = orjson.dumps({"query": QUERY, "operationName": "Small", "variables": {}})
TARGET_US = 100
"""CPU time of the edge in one request."""


def whole(folder: Path) -> tuple[ASGIApp, str]:
    """Return the gateway's edge over services in memory, and a token."""
    services = MemoryServices()
    settings = Settings(
        data_dir=folder, demo=True, customer_cost_per_minute=10_000_000, address_requests_per_minute=10_000_000
    )
    schema = build_schema(execution_class(ExecutionMode.COMPILED))
    engine, rates, _, _ = assemble_engine(settings, schema, lambda _: memory_context(services))
    issuer = DemoIssuer.open(folder, audience=settings.audience)
    authenticator = Authenticator(
        {ISSUER: FixedKeys([issuer.public_key])},
        Revocations(RevocationFile(folder / "revocations.ndjson")),
        audience=settings.audience,
        clock=time.time,
    )

    async def checks() -> dict[str, bool]:
        return {}

    app = create_edge(settings, engine=engine, authenticator=authenticator, rates=rates, checks=checks)
    return app, issuer.mint_token("anna", [scope.value for scope in TokenScope])


def floor() -> ASGIApp:
    """Return what executes the body's operation and does nothing else."""
    schema = build_schema(execution_class(ExecutionMode.COMPILED))
    core, executor_class, services = schema._schema, schema.execution_context_class, MemoryServices()  # noqa: SLF001
    document = parse(QUERY)
    is_awaitable: Any = optimized_is_awaitable

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        asked = orjson.loads((await receive())["body"])
        executor: Any = executor_class.build(
            core, document, None, memory_context(services), asked["variables"], asked["operationName"],
            is_awaitable=is_awaitable,
        )  # fmt: skip
        result = executor.execute_operation()
        if is_awaitable(result):
            result = await result
        body = orjson.dumps({"data": result.data})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def request_scope(token: str) -> Scope:
    """Return what uvicorn makes of a phone's request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"accept", b"application/graphql-response+json, application/json;q=0.9"),
            (b"accept-encoding", b"gzip, deflate"),
            (b"user-agent", b"Bank/7.1 (iPhone; iOS 19.1)"),
            (b"authorization", b"Bearer " + token.encode()),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(BODY)),
            (b"connection", b"keep-alive"),
        ],
        "state": {},
    }


async def ask(app: ASGIApp, scope: Scope) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    status, body = 0, b""

    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, body
        status, body = message.get("status", status), message.get("body", body)

    await app({**scope, "state": {}}, receive, send)
    return status, body


async def microseconds(run: Callable[[], Awaitable[Any]], times: int) -> float:
    """Return the CPU time of one run, in µs."""
    gc.collect()
    started = time.process_time_ns()
    for _ in range(times):
        await run()
    return (time.process_time_ns() - started) / times / 1000


async def measure(rounds: int, requests: int) -> None:
    """Print both ways, and what is between them."""
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        app, token = whole(Path(folder))
        scope = request_scope(token)
        ways = {"whole edge": app, "floor": floor()}
        answers = {(await ask(one, scope)) for one in ways.values() for _ in range(3)}
        assert len(answers) == 1, answers
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, one in ways.items():
                taken[name].append(await microseconds(partial(ask, one, scope), requests))
        with Sampler() as sampler:
            await microseconds(partial(ask, app, scope), 50 * requests)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    print(f"\nsmall query in memory, {rounds} rounds of {requests} requests; CPU µs per request")
    for name, values in taken.items():
        print(f"  {name:12} {medians[name]:7.1f}  (min {min(values):.1f}, max {max(values):.1f})")
    between = [a - b for a, b in zip(taken["whole edge"], taken["floor"], strict=True)]
    print(f"  {'the edge':12} {statistics.median(between):7.1f}  (min {min(between):.1f}; target {TARGET_US})\n")
    print(sampler.table(medians["whole edge"]))


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Measure the edge against its floor.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--requests", type=int, default=100)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(options.rounds, options.requests))


if __name__ == "__main__":
    main()
