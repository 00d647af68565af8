"""The graphql-transport-ws protocol as a pure state machine: events in, actions out; no socket, no clock, no await.

    OPEN --connection_init--> CHECKING --authenticated--> READY --(anything below)--> CLOSED
    OPEN: init_timed_out closes 4408; subscribe closes 4401
    CHECKING: a second connection_init closes 4429; subscribe closes 4401
    READY: subscribe starts an operation, complete stops it; an id in use closes 4409; a second connection_init 4429
    any state: what is no message of the protocol closes 4400; ping is answered by pong
    before READY: a message over STRANGERS_BYTES_MAX closes 4400, one more than STRANGERS_MESSAGES_MAX 4429
A document that is wrong ends its operation with `error`; the socket stays. After `error` or `complete` an id is free.
Renewal (ours): a `ping` whose payload holds a credential replaces the socket's; it must be of the same customer.

Specification: PROTOCOL.md of enisdenjo/graphql-ws.
"""

from enum import Enum, IntEnum
from typing import Any, TypeGuard

import msgspec

from contracts.failures import Rejected
from gateway.bodies import decode_json
from gateway.operations import Operation, read_operation

SUBPROTOCOL = "graphql-transport-ws"
SUBSCRIPTIONS_PER_SOCKET_MAX = 32
ID_CHARACTERS_MAX = 128
STRANGERS_BYTES_MAX = 16 * 1024
"""Largest message of a client that is not known yet: reading one costs CPU that nobody is charged for."""
STRANGERS_MESSAGES_MAX = 16
"""Messages it may send; connection_init is one, and it has three seconds."""
CREDENTIAL_KEYS = ("authorization", "token", "accesstoken", "authtoken")
"""Keys of a payload that hold the credential, in any case; a bare token may lack its `Bearer`."""


class CloseCode(IntEnum):
    """Why the server closes; the first four digits of every reason in the logs."""

    BAD_REQUEST = 4400
    """Not a message of the protocol. Clients do not reconnect."""
    UNAUTHORIZED = 4401
    """Subscribed before the connection was acknowledged. Clients do not reconnect."""
    FORBIDDEN = 4403
    """No valid credential, or it expired: clients may reconnect with a fresh one, and graphql-ws does by itself."""
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    """The client does not speak graphql-transport-ws."""
    INITIALISATION_TIMEOUT = 4408
    """No connection_init in time."""
    SUBSCRIBER_EXISTS = 4409
    """A subscribe with an id that is in use."""
    TOO_MANY = 4429
    """A second connection_init, more messages than a stranger may send, or more sockets than may be open."""
    RESTARTING = 1012
    """The gateway stops: reconnect as the reason says, a JSON object with `reconnectAfterMs` and perhaps `cursor`."""
    TRY_AGAIN = 1013
    """The gateway cannot check credentials just now: reconnect later."""


class Send(msgspec.Struct, frozen=True):
    """Send this message."""

    message: dict[str, Any]


class Authenticate(msgspec.Struct, frozen=True):
    """Check this credential, then call `authenticated` or `refused`."""

    authorization: str | None


class Renew(msgspec.Struct, frozen=True):
    """Check this credential, then call `renewed` or `refused`."""

    authorization: str


class Start(msgspec.Struct, frozen=True):
    """Run this operation, giving its answers to `next_answer` and its end to `failed` or `finished`."""

    id: str
    operation: Operation


class Stop(msgspec.Struct, frozen=True):
    """Stop running the operation; the client no longer wants it."""

    id: str


class Close(msgspec.Struct, frozen=True):
    """Close the socket and stop everything."""

    code: CloseCode
    reason: str


Action = Send | Authenticate | Renew | Start | Stop | Close


class State(Enum):
    """Where a socket is."""

    OPEN = "OPEN"
    CHECKING = "CHECKING"
    READY = "READY"
    CLOSED = "CLOSED"


class Protocol:
    """One socket's protocol. Every method returns what is to be done, in order."""

    __slots__ = ("_received", "running", "state")

    def __init__(self) -> None:
        self.state = State.OPEN
        self._received = 0
        self.running: set[str] = set()

    def receive(self, data: bytes | None) -> list[Action]:
        """Take one text message (its UTF-8 bytes), or None for a binary one."""
        if self.state is State.CLOSED:
            return []
        if data is None:
            return self._close(CloseCode.BAD_REQUEST, "Only text messages are spoken here")
        if self.state is not State.READY:
            self._received += 1
            if len(data) > STRANGERS_BYTES_MAX:
                return self._close(CloseCode.BAD_REQUEST, "Message too large before the acknowledgement")
            if self._received > STRANGERS_MESSAGES_MAX:
                return self._close(CloseCode.TOO_MANY, "Too many messages before the acknowledgement")
        try:
            message = decode_json(data)
        except Rejected:
            return self._close(CloseCode.BAD_REQUEST, "Invalid message")
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            return self._close(CloseCode.BAD_REQUEST, "Invalid message")
        return self._take(message)

    def _take(self, message: dict[str, Any]) -> list[Action]:
        match message["type"]:
            case "connection_init":
                return self._initialise(message)
            case "ping":
                return self._ping(message)
            case "pong":
                return self._pong(message)
            case "subscribe":
                return self._subscribe(message)
            case "complete":
                return self._complete(message)
        return self._close(CloseCode.BAD_REQUEST, "Unknown message type")

    def init_timed_out(self) -> list[Action]:
        """The client had its time to send connection_init."""
        if self.state is not State.OPEN:
            return []
        return self._close(CloseCode.INITIALISATION_TIMEOUT, "Connection initialisation timeout")

    def authenticated(self) -> list[Action]:
        """The credential of connection_init is good."""
        if self.state is not State.CHECKING:
            return []
        self.state = State.READY
        return [Send({"type": "connection_ack"})]

    def renewed(self) -> list[Action]:
        """The credential of a ping is good and of the same customer."""
        return [] if self.state is State.CLOSED else [Send({"type": "pong", "payload": {"renewed": True}})]

    def refused(self, reason: str = "Forbidden", code: CloseCode = CloseCode.FORBIDDEN) -> list[Action]:
        """The credential is not good, or has expired, or a cap is reached."""
        return self._close(code, reason)

    def restarting(self, reason: str) -> list[Action]:
        """The gateway stops."""
        return self._close(CloseCode.RESTARTING, reason)

    def next_answer(self, id: str, payload: dict[str, Any]) -> list[Action]:
        """An operation has an answer."""
        return [Send({"id": id, "type": "next", "payload": payload})] if id in self.running else []

    def failed(self, id: str, errors: list[dict[str, Any]]) -> list[Action]:
        """An operation was not executed; that ends it."""
        return [Send({"id": id, "type": "error", "payload": errors})] if self._end(id) else []

    def finished(self, id: str) -> list[Action]:
        """An operation has no further answers."""
        return [Send({"id": id, "type": "complete"})] if self._end(id) else []

    def _initialise(self, message: dict[str, Any]) -> list[Action]:
        if self.state is not State.OPEN:
            return self._close(CloseCode.TOO_MANY, "Too many initialisation requests")
        payload = message.get("payload")
        if not (payload is None or isinstance(payload, dict)):
            return self._close(CloseCode.BAD_REQUEST, "Invalid message")
        self.state = State.CHECKING
        return [Authenticate(credential_of(payload or {}))]

    def _ping(self, message: dict[str, Any]) -> list[Action]:
        payload = message.get("payload")
        if not (payload is None or isinstance(payload, dict)):
            return self._close(CloseCode.BAD_REQUEST, "Invalid message")
        credential = credential_of(payload or {})
        if credential is not None and self.state is State.READY:
            return [Renew(credential)]
        return [Send({"type": "pong"})]

    def _pong(self, message: dict[str, Any]) -> list[Action]:
        payload = message.get("payload")
        valid = payload is None or isinstance(payload, dict)
        return [] if valid else self._close(CloseCode.BAD_REQUEST, "Invalid message")

    def _subscribe(self, message: dict[str, Any]) -> list[Action]:
        id, payload = message.get("id"), message.get("payload")
        if not _is_id(id) or not isinstance(payload, dict):
            return self._close(CloseCode.BAD_REQUEST, "Invalid message")
        if self.state is not State.READY:
            return self._close(CloseCode.UNAUTHORIZED, "Unauthorized")
        if id in self.running:
            return self._close(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {id[:64]} already exists")
        if len(self.running) >= SUBSCRIPTIONS_PER_SOCKET_MAX:
            return [_error(id, "Too many operations are running on this socket.", "TOO_MANY_OPERATIONS")]
        try:
            operation = read_operation(payload)
        except Rejected as failure:
            return [_error(id, failure.message, failure.reason)]
        self.running.add(id)
        return [Start(id, operation)]

    def _complete(self, message: dict[str, Any]) -> list[Action]:
        id = message.get("id")
        if not _is_id(id):
            return self._close(CloseCode.BAD_REQUEST, "Invalid message")
        return [Stop(id)] if self._end(id) else []

    def _end(self, id: str) -> bool:
        if id not in self.running:
            return False
        self.running.remove(id)
        return True

    def _close(self, code: CloseCode, reason: str) -> list[Action]:
        if self.state is State.CLOSED:
            return []
        self.state = State.CLOSED
        self.running.clear()
        return [Close(code, reason)]


def credential_of(payload: dict[str, Any]) -> str | None:
    """Return the `Authorization` value a payload holds, directly or in `headers`, or None."""
    for source in (payload, payload.get("headers")):
        if not isinstance(source, dict):
            continue
        for key, value in source.items():
            if key.lower() in CREDENTIAL_KEYS and isinstance(value, str) and value:
                return value if " " in value.strip() else f"Bearer {value.strip()}"
    return None


def _is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= ID_CHARACTERS_MAX


def _error(id: str, message: str, code: str) -> Send:
    return Send({"id": id, "type": "error", "payload": [{"message": message, "extensions": {"code": code}}]})
