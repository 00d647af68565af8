"""How records lie in a request: CloudEvents' HTTP binding (structured, batched, binary mode) and NDJSON. Pure."""

from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

from contracts.failures import Rejected, UnsupportedMedia

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
NDJSON = "application/x-ndjson"
BINARY = "application/json"

_batch = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def media_type_of(headers: Mapping[str, str]) -> str:
    """Return the media type of a request that can be read.

    Raises:
        UnsupportedMedia: another type, or a compressed body.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMedia("Compressed bodies are not taken.")
    if media_type not in (STRUCTURED, BATCHED, NDJSON) and not (media_type == BINARY and "ce-specversion" in headers):
        raise UnsupportedMedia(f"Send {STRUCTURED}, {BATCHED}, {NDJSON}, or {BINARY} with ce- headers.")
    return media_type


def records_of(media_type: str, headers: Mapping[str, str], body: bytes) -> list[bytes]:
    """Return the records of a body that is not a stream.

    Raises:
        Rejected: `MALFORMED_JSON`: a batch that is not a JSON array.
    """
    if media_type == STRUCTURED:
        return [body]
    if media_type == BINARY:
        return [_structured(headers, body)]
    try:
        return [bytes(raw) for raw in _batch.decode(body)]
    except (msgspec.DecodeError, RecursionError):
        raise Rejected("A batch is a JSON array of events.", code="MALFORMED_JSON") from None


def _structured(headers: Mapping[str, str], body: bytes) -> bytes:
    attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    attributes.pop("data", None)
    return _encode(attributes)[:-1] + b',"data":' + body + b"}"
