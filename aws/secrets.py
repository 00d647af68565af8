"""Secrets in Secrets Manager: read before a process starts, and again every five minutes while it runs.

It fails closed: a process whose secrets cannot be read, or are no such secrets, does not start. One that runs keeps
what it has when it cannot read them, and refuses a new value that cannot be used; both are logged.

A secret has a current value and, after a rotation, the one before it. Both are in force until the next rotation, but a
new one is not used first before every other process must have read it: until then it is only accepted.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from aws.clients import aws_client, translated
from contracts.failures import Failure, NotFound
from contracts.settings import PREFIX, SECRETS, BadSetting, Settings, checked

EVERY_S = 300.0
SETTLED_S = 2 * EVERY_S
"""Age from which a value is used first: by then each process has read it."""

_log = structlog.get_logger(__name__)


def filled(settings: Settings) -> Settings:
    """Return the settings with their secrets; for a process that has no event loop yet.

    Raises:
        BadSetting: a secret cannot be read, or is none that can be used.
    """
    return asyncio.run(fill(settings))


async def fill(settings: Settings) -> Settings:
    """Return the settings with their secrets; see `filled`."""
    named = _named(settings)
    if not named:
        return settings
    found: dict[str, str] = {}
    async with aws_client("secretsmanager", connections=1) as client:
        for field, name in named.items():
            try:
                values = await _values(client, name, time.time())
            except Failure as failure:
                variable = f"{PREFIX}{field.upper()}_SECRET"
                raise BadSetting(
                    f"{variable}: the secret cannot be read ({failure.detail or failure.reason})."
                ) from failure
            found[field] = ",".join(values) if field == "cursor_keys" else values[0]
    return checked(msgspec.structs.replace(settings, **found))


async def follow_secret(name: str, take: Callable[[Sequence[str]], None], *, every_s: float = EVERY_S) -> None:
    """Hand over the values of a secret, the one to use first before the other, at once and when they change; for ever.

    `take` raises `BadSetting` for values that cannot be used: they are asked for again.
    """
    taken: Sequence[str] = ()
    async with aws_client("secretsmanager", connections=1) as client:
        while True:
            try:
                values = await _values(client, name, time.time())
                if values != taken:
                    take(values)
                    taken = values
                    _log.info("secret taken", secret=name, values=len(values))
            except Failure as failure:
                _log.error("secret not read", secret=name, code=failure.reason, detail=failure.detail)
            except BadSetting as error:
                _log.error("secret not used", secret=name, reason=str(error))
            await asyncio.sleep(every_s * random.uniform(0.8, 1.0))  # noqa: S311 - spread, nothing secret


async def _values(client: Any, name: str, now_s: float) -> list[str]:
    current, created_at = await _value(client, name, "AWSCURRENT")
    try:
        previous, _ = await _value(client, name, "AWSPREVIOUS")
    except NotFound:
        return [current]
    return in_order(current, previous, now_s - created_at.timestamp())


def in_order(current: str, previous: str, age_s: float) -> list[str]:
    """Return the values in force, the one to use first before the other; `age_s` is the current one's."""
    return [current, previous] if age_s >= SETTLED_S else [previous, current]


async def _value(client: Any, name: str, stage: str) -> tuple[str, datetime]:
    with translated("secret"):
        answer = await client.get_secret_value(SecretId=name, VersionStage=stage)
    text: str = answer.get("SecretString", "").strip()
    if not text:
        raise NotFound("The secret holds no text.", detail="no text")
    return text, answer["CreatedDate"]


def _named(settings: Settings) -> dict[str, str]:
    named: dict[str, str] = {field: getattr(settings, f"{field}_secret") for field in SECRETS}
    return {field: name for field, name in named.items() if name}
