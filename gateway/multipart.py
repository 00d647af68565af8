"""Answers as `multipart/mixed`: incremental delivery, and Apollo's multipart subscriptions.

The delimiter that ends a part is sent with the part, so that a client sees it at once and not with the next one.
"""

from gateway.answers import encode_json
from gateway.execution import Payload
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

    def frame(self, payload: Payload) -> bytes:
        """Encode one part."""
        shown = payload if self._legacy is None else self._legacy.translate(payload)
        return PART + encode_json(shown) + DELIMITER


class SubscriptionFraming:
    """Apollo's multipart subscriptions: each answer in `payload`, `{}` as heartbeat."""

    content_type = b'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
    opening = DELIMITER
    heartbeat = PART + b"{}" + DELIMITER
    closing = b"--\r\n"

    def frame(self, payload: Payload) -> bytes:
        """Encode one part."""
        return PART + encode_json({"payload": payload}) + DELIMITER
