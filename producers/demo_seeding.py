"""Send the demo's history to the event service; sent again with the same moment it is all duplicates."""

from collections.abc import Callable, Sequence

from contracts.failures import Conflict
from contracts.ingest import Verdict
from producers.event_client import CHUNK_EVENTS_MAX, EventClient

_FINE = frozenset({Verdict.ACCEPTED, Verdict.DUPLICATE})


async def seed(client: EventClient, lines: Sequence[bytes], on_progress: Callable[[float, int], None]) -> int:
    """Send every line and return the log's offset then; `on_progress` is told the share and the number sent.

    Raises:
        Conflict: the log has other events under these ids, or does not take one: it is not this demo's.
        Failure: the service refuses or stays away.
    """
    offset = 0
    for start in range(0, len(lines), CHUNK_EVENTS_MAX):
        answer = await client.post(lines[start : start + CHUNK_EVENTS_MAX])
        refused = next((verdict for verdict in answer.verdicts if verdict.verdict not in _FINE), None)
        if refused is not None:
            reason = refused.reason or refused.verdict
            raise Conflict(f"The demo's event {refused.id} was not taken: {reason} {refused.message or ''}".strip())
        done = min(len(lines), start + CHUNK_EVENTS_MAX)
        offset = answer.summary.offset
        on_progress(done / len(lines), done)
    return offset
