"""Whatever is sent to `/graphql`, the answer is never a 5xx, never another customer's, and nothing is left behind.

Each example is a seed; `make fuzz` tries fifty times as many.
"""

import json
from random import Random
from typing import Any

import httpx

from gateway.demo_issuer import DemoIssuer
from tests.sockets.fuzz.attacks import BENS, exchange, many, scribe_of
from tests.sockets.fuzz.conftest import WAIT_S, Target
from tests.unit.resolvers.services import BEN

ACCEPTS = [
    "application/json", "application/graphql-response+json", "text/event-stream", "multipart/mixed", "*/*", "text/html",
    "multipart/mixed; deferSpec=20220824, application/json", 'multipart/mixed; subscriptionSpec="1.0"', ";q=,,",
]  # fmt: skip
ALIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HEADERS = [b"Accept", b"Content-Type", b"X-Request-ID", b"Origin", b"Last-Event-ID", b"Host", b"Range", b"Expect"]


async def test_any_document_is_answered_and_shows_nothing_of_others(target: Target) -> None:
    """Grammar-made operations, damaged ones and hostile values, alone or in batches, for every Accept."""
    headers = {"Authorization": f"Bearer {target.token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{target.port}", headers=headers, timeout=WAIT_S) as client:

        async def attack(seed: int) -> None:
            random = Random(seed)  # noqa: S311 - drawn, nothing secret
            body: Any = scribe_of(seed).operation()
            if random.random() < 0.1:
                body = [body, scribe_of(seed + 1).operation()]
            response = await client.post("/graphql", json=body, headers={"Accept": random.choice(ACCEPTS)})
            assert response.status_code < 500, (body, response.text)
            assert '"INTERNAL"' not in response.text, (body, response.text)
            assert not [secret for secret in BENS if secret in response.text], (body, response.text)

        await many(attack)
    await target.is_quiet_again()


async def test_any_bytes_on_the_wire_leave_the_gateway_as_it_was(target: Target) -> None:
    """Requests damaged anywhere, heads included, in several pieces: an answer below 500 or the end, and then life."""

    async def attack(seed: int) -> None:
        random = Random(seed)  # noqa: S311 - drawn, nothing secret
        sent = bytearray(_request(target, json.dumps(scribe_of(seed).operation()).encode()))
        for _ in range(random.randint(0, 6)):
            place = random.randrange(len(sent))
            sent[place : place + random.choice([0, 0, 1, 9])] = random.choice(
                [b"", b"\0", b"\xff", b"\r\n", b"\n", b": ", b"\r\n\r\n", random.randbytes(3), b"a" * 300]
            )
        half = random.randrange(len(sent))
        answered = await exchange(target.port, bytes(sent[:half]), bytes(sent[half:]))
        assert not answered.startswith(b"HTTP/1.1 5"), (bytes(sent), answered)
        assert (await exchange(target.port, ALIVE)).startswith(b"HTTP/1.1 200")

    await many(attack)
    await target.is_quiet_again()


async def test_any_token_and_any_header_is_survived(target: Target, issuer: DemoIssuer) -> None:
    """Credentials damaged anywhere, and headers of any value, are refused, and never with a 5xx."""
    minted = issuer.mint_token(BEN)

    async def attack(seed: int) -> None:
        random = Random(seed)  # noqa: S311 - drawn, nothing secret
        token = bytearray(minted.encode())
        token[random.randrange(len(token) - 1)] ^= 1  # the last character may hold bits that mean nothing
        for _ in range(random.randint(0, 3)):
            token[random.randrange(len(token))] = random.choice(b"abcXYZ019-_.=+/ \x80")
        value = bytes(random.choice(b'abc/*;q=0.,"-: \xe9\t') for _ in range(random.randint(0, 40))).strip()
        head = [
            b"POST /graphql HTTP/1.1", b"Host: localhost", b"Content-Type: application/json", b"Connection: close",
            b"Authorization: Bearer " + bytes(token), random.choice(HEADERS) + b": " + value,
            b"Content-Length: 17", b"", b'{"query":"{ __ }"}',
        ]  # fmt: skip
        answered = await exchange(target.port, b"\r\n".join(head))
        assert answered[:12] not in (b"HTTP/1.1 200", b"HTTP/1.1 500"), (head, answered)

    await many(attack)
    await target.is_quiet_again()


def _request(target: Target, body: bytes) -> bytes:
    head = [
        b"POST /graphql HTTP/1.1", b"Host: localhost", b"Authorization: Bearer " + target.token.encode(),
        b"Content-Type: application/json", b"Connection: close", b"Content-Length: %d" % len(body), b"", body,
    ]  # fmt: skip
    return b"\r\n".join(head)
