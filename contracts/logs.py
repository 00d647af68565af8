"""Structured logs: one JSON object a line on standard error, with everything secret masked before it is written."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

MASK = "***"
SECRET_KEYS = frozenset({"authorization", "token", "cookie", "password", "secret", "variables", "iban", "pan", "key"})
_SECRETS = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|(?i:bearer)\s+\S+"
    r"|\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"  # an IBAN (ISO 13616)
    r"|\b\d(?:[ -]?\d){11,18}\b"  # a card or account number
)


def mask(value: Any) -> Any:
    """Return the value with tokens, account and card numbers replaced, in nested mappings and lists too."""
    if isinstance(value, str):
        return _SECRETS.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: MASK if str(key).lower() in SECRET_KEYS else mask(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item) for item in value]
    return value


def mask_event(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Mask a log event; the last step before it is written."""
    times = {key: event[key] for key in ("timestamp", "trace_id") if key in event}
    masked: dict[str, Any] = mask(event)
    return {**masked, **times}


def configure_logs(level: str) -> None:
    """Log from `level` up; what libraries log comes out the same way, from WARNING up."""
    begin: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    end: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        mask_event,
        structlog.processors.JSONRenderer(),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*begin, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, logging.getLevelName(level)), force=True)
    structlog.configure(
        processors=[*begin, *end],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # a line in one piece: workers share the stream
    )
