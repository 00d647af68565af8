"""Which HTTP status an answer has, in the two readings of GraphQL over HTTP.

    compatible  what today's clients and npm's graphql-http audits expect: a client that accepts only `application/json`
                gets 200 for every well-formed request, `application/graphql-response+json` 400 where nothing ran
    v1          the 2026 text: 422 for what is well-formed HTTP and JSON but cannot run, 294 for data beside errors, and
                the same for both media types

Pure. The status of a `Failure` is the failure's own.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from gateway.errors import PARSE_FAILED
from gateway.media_types import JSON

PARTIAL = 294
UNPROCESSABLE = 422


class StatusProfile(StrEnum):
    """The reading in force, by the setting `http_statuses`."""

    COMPATIBLE = "compatible"
    V1 = "v1"


def refusal_status(profile: StatusProfile, media_type: str, code: str) -> int:
    """Return the status of an operation refused for its document, name or variables."""
    if profile is StatusProfile.V1:
        return 400 if code == PARSE_FAILED else UNPROCESSABLE
    return 200 if media_type == JSON else 400


def bad_request_status(profile: StatusProfile) -> int:
    """Return the status of JSON that is not a GraphQL request."""
    return UNPROCESSABLE if profile is StatusProfile.V1 else 400


def answer_status(profile: StatusProfile, payload: Mapping[str, Any]) -> int:
    """Return the status of an executed operation's answer."""
    return PARTIAL if profile is StatusProfile.V1 and "errors" in payload else 200
