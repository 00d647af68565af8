"""Answers as `multipart/mixed`: incremental delivery, and Apollo's multipart subscriptions.

The delimiter that ends a part is sent with the part, so that a client sees it at once and not with the next one.
"""

from typing import Any

from gateway.answering import Answer
from gateway.answers import encode_json
from gateway.draining import Farewell
from gateway.incremental import LegacyFormat

DELIMITER = b"\r\n--graphql"
PART = b"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n"
LEGACY_SPEC = "20220824"
SUBSCRIPTION_SPEC = "1.0"


class IncrementalFraming:
    """The parts of one operation with `@defer` or `@stream`."""

    opening = DELIMITER
    heartbeat = b""
    closing = b"--\r\n"

    def __init__(self, *, legacy: bool) -> None:
        self._legacy = LegacyFormat() if legacy else None
        spec = b"; deferSpec=20220824" if legacy else b""
        self.content_type = b'multipart/mixed; boundary="graphql"' + spec

    def frame(self, answer: Answer) -> bytes:
        """Encode one part."""
        encoded = answer.json if self._legacy is None else encode_json(self._legacy.translate(answer.payload))
        return PART + encoded + DELIMITER

    def farewell(self, farewell: Farewell) -> bytes:
        """End: what it still holds back is not sent."""
        return PART + encode_json({"hasNext": False, "errors": [_draining(farewell)]}) + DELIMITER + self.closing


class SubscriptionFraming:
    """Apollo's multipart subscriptions: each answer in `payload`, `{}` as heartbeat."""

    content_type = b'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
    opening = DELIMITER
    heartbeat = PART + b"{}" + DELIMITER
    closing = b"--\r\n"

    def frame(self, answer: Answer) -> bytes:
        """Encode one part."""
        return b'%s{"payload":%s}%s' % (PART, answer.json, DELIMITER)

    def farewell(self, farewell: Farewell) -> bytes:
        """End with an error of the transport, as the protocol has it."""
        return PART + encode_json({"payload": None, "errors": [_draining(farewell)]}) + DELIMITER + self.closing


def _draining(farewell: Farewell) -> dict[str, Any]:
    extensions = {"code": "DRAINING", "retryAfter": farewell.reconnect_after_ms / 1000, "cursor": farewell.cursor}
    return {"message": "This gateway is stopping.", "extensions": extensions}
