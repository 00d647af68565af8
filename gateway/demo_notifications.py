"""What `belfry demo` shows of push and SMS: the lines of the file that the analytics service hands over to."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from producers.demo_people import PEOPLE

NOTIFICATIONS_FILE = "notifications.ndjson"
POLL_S = 0.5
READ_BYTES_MAX = 1024 * 1024

_NAMES = {person.customer_id: person.given_name for person in PEOPLE}


class Handed(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a notification that is shown."""

    channel: str
    customer_id: str
    severity: str
    title: str

    def __str__(self) -> str:
        """Say it for people."""
        name = _NAMES.get(self.customer_id, self.customer_id)
        return f"{self.channel} to {name}: {self.title} ({self.severity}, unacknowledged)"


_decode = msgspec.json.Decoder(Handed).decode


async def handed_over(folder: Path, poll_s: float = POLL_S) -> AsyncGenerator[Handed]:
    """Yield what is handed over from now on, for ever; looked for each `poll_s`."""
    path = folder / NOTIFICATIONS_FILE
    place = path.stat().st_size if path.exists() else 0
    while True:
        await asyncio.sleep(poll_s)
        for line in _lines_after(path, place):
            place += len(line)
            yield _decode(line)


def _lines_after(path: Path, place: int) -> list[bytes]:
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(place)
        return [line for line in file.read(READ_BYTES_MAX).splitlines(keepends=True) if line.endswith(b"\n")]
