"""docs/producers.md tells the truth: its examples are of every event type, and the event service takes them."""

import re
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec

from contracts.events import EVENT_TYPES, CloudEvent
from contracts.ingest import Verdict
from contracts.settings import Settings
from producers.event_client import EventClient
from services.events.app import create_app

PAGE = (Path(__file__).parents[3] / "docs" / "producers.md").read_text(encoding="utf-8")


def _examples() -> list[bytes]:
    block = re.search(r"```ndjson\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    return block.group(1).encode().splitlines()


def test_every_event_type_has_an_example() -> None:
    """Each exactly once."""
    types = [msgspec.json.decode(line, type=CloudEvent).type for line in _examples()]
    assert sorted(types) == sorted(EVENT_TYPES)


async def test_the_examples_are_accepted_in_their_order(tmp_path: Path) -> None:
    """A producer may start by copying them."""
    app = create_app(Settings(data_dir=tmp_path))
    async with (
        app.lifespan(),
        EventClient("http://events", transport=httpx.ASGITransport(app=cast("Any", app))) as client,
    ):
        answer = await client.post(_examples())
    assert [verdict for verdict in answer.verdicts if verdict.verdict is not Verdict.ACCEPTED] == []
