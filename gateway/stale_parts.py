"""Parts of an answer that were kept from earlier, as its extensions say it: `{"stale": [{"path", "ageSeconds"}]}`.

Written for every transport in the same way, beside `data`; an answer that is all from now has no such entry.
"""

from typing import Any

from clients.deadline import Aged


def note_stale_parts(payload: dict[str, Any], aged: list[Aged]) -> None:
    """Move what is known of aged parts into the extensions of the answer that shows them."""
    if aged:
        parts = [{"path": list(one.path), "ageSeconds": round(one.age_s)} for one in aged]
        aged.clear()
        payload.setdefault("extensions", {})["stale"] = parts
