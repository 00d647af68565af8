"""Facts about the pure graphql-transport-ws state machine."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.websocket_protocol import (
    STRANGERS_BYTES_MAX,
    STRANGERS_MESSAGES_MAX,
    SUBSCRIPTIONS_PER_SOCKET_MAX,
    Authenticate,
    Close,
    CloseCode,
    Protocol,
    Renew,
    Send,
    Start,
    State,
    Stop,
    credential_of,
)
from tests.examples import examples


def message(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


INIT = message(type="connection_init", payload={"Authorization": "Bearer t"})


def subscribe(id: Any = "1", query: Any = "{ hello }") -> bytes:
    return message(type="subscribe", id=id, payload={"query": query})


@pytest.fixture
def ready() -> Protocol:
    """A protocol whose client was let in."""
    protocol = Protocol()
    protocol.receive(INIT)
    protocol.authenticated()
    return protocol


def closes(actions: list[Any]) -> CloseCode | None:
    return next((action.code for action in actions if isinstance(action, Close)), None)


def test_a_connection_is_acknowledged_after_its_credential() -> None:
    """connection_init asks for a check; its success sends connection_ack."""
    protocol = Protocol()
    assert protocol.receive(INIT) == [Authenticate("Bearer t")]
    assert protocol.authenticated() == [Send({"type": "connection_ack"})]


def test_an_operation_runs_from_subscribe_to_complete(ready: Protocol) -> None:
    """Start, next, complete; then the id is free again."""
    [start] = ready.receive(subscribe())
    assert isinstance(start, Start)
    assert start.operation.query == "{ hello }"
    assert ready.next_answer("1", {"data": 1}) == [Send({"id": "1", "type": "next", "payload": {"data": 1}})]
    assert ready.finished("1") == [Send({"id": "1", "type": "complete"})]
    assert isinstance(ready.receive(subscribe())[0], Start)


def test_a_failed_operation_ends_alone(ready: Protocol) -> None:
    """The socket stays, and no complete follows an error."""
    ready.receive(subscribe())
    assert ready.failed("1", [{"message": "no"}]) == [
        Send({"id": "1", "type": "error", "payload": [{"message": "no"}]})
    ]
    assert ready.finished("1") == []
    assert ready.state is State.READY


def test_a_client_that_completes_hears_no_more(ready: Protocol) -> None:
    """Stop, and late answers are dropped; completing an unknown id is nothing."""
    ready.receive(subscribe())
    assert ready.receive(message(type="complete", id="1")) == [Stop("1")]
    assert ready.next_answer("1", {}) == ready.finished("1") == ready.receive(message(type="complete", id="9")) == []


@pytest.mark.parametrize(
    "payload", [{}, {"query": 1}, {"query": ""}, {"query": "{a}", "variables": []}, {"query": "{a}", "extensions": 1}]
)
def test_a_bad_payload_ends_its_operation_only(ready: Protocol, payload: Any) -> None:
    """An error message for that id."""
    [action] = ready.receive(message(type="subscribe", id="1", payload=payload))
    assert isinstance(action, Send)
    assert (action.message["type"], ready.running) == ("error", set())


def test_operations_of_a_socket_are_bounded(ready: Protocol) -> None:
    """One too many is an error for that one."""
    for number in range(SUBSCRIPTIONS_PER_SOCKET_MAX):
        ready.receive(subscribe(str(number)))
    [action] = ready.receive(subscribe("more"))
    assert isinstance(action, Send)
    assert action.message["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, CloseCode.BAD_REQUEST),
        (b"", CloseCode.BAD_REQUEST),
        (b"{", CloseCode.BAD_REQUEST),
        (b"[]", CloseCode.BAD_REQUEST),
        (b"5", CloseCode.BAD_REQUEST),
        (b"{}", CloseCode.BAD_REQUEST),
        (message(type=1), CloseCode.BAD_REQUEST),
        (message(type="start", id="1"), CloseCode.BAD_REQUEST),
        (message(type="subscribe", id=1, payload={"query": "{a}"}), CloseCode.BAD_REQUEST),
        (message(type="subscribe", id="", payload={"query": "{a}"}), CloseCode.BAD_REQUEST),
        (message(type="subscribe", payload={"query": "{a}"}), CloseCode.BAD_REQUEST),
        (message(type="subscribe", id="1"), CloseCode.BAD_REQUEST),
        (message(type="subscribe", id="1", payload=[]), CloseCode.BAD_REQUEST),
        (message(type="complete"), CloseCode.BAD_REQUEST),
        (message(type="ping", payload=1), CloseCode.BAD_REQUEST),
        (message(type="pong", payload="x"), CloseCode.BAD_REQUEST),
        (INIT, CloseCode.TOO_MANY),
    ],
)
def test_what_breaks_the_protocol_closes_the_socket(ready: Protocol, data: bytes | None, code: CloseCode) -> None:
    """With the code of the specification, once."""
    assert closes(ready.receive(data)) is code
    assert ready.receive(subscribe()) == []


def test_an_id_in_use_closes_with_4409(ready: Protocol) -> None:
    """Two operations cannot share an id."""
    ready.receive(subscribe())
    assert closes(ready.receive(subscribe())) is CloseCode.SUBSCRIBER_EXISTS


def test_subscribing_before_the_acknowledgement_closes_with_4401() -> None:
    """Before connection_init, and while it is checked."""
    assert closes(Protocol().receive(subscribe())) is CloseCode.UNAUTHORIZED
    checking = Protocol()
    checking.receive(INIT)
    assert closes(checking.receive(subscribe())) is CloseCode.UNAUTHORIZED


def test_a_silent_client_is_closed_with_4408() -> None:
    """Only while connection_init is missing."""
    assert closes(Protocol().init_timed_out()) is CloseCode.INITIALISATION_TIMEOUT
    checking = Protocol()
    checking.receive(INIT)
    assert checking.init_timed_out() == []


def test_a_refused_credential_closes_with_4403() -> None:
    """And nothing that was being checked counts any more."""
    protocol = Protocol()
    protocol.receive(INIT)
    assert closes(protocol.refused()) is CloseCode.FORBIDDEN
    assert protocol.authenticated() == []


def test_a_stranger_is_not_read_at_length(ready: Protocol) -> None:
    """Before it is known who sends, messages are small and few; afterwards they are as large as the server lets in."""
    large = message(type="ping", payload={"a": "x" * STRANGERS_BYTES_MAX})
    assert closes(Protocol().receive(large)) is CloseCode.BAD_REQUEST
    assert ready.receive(large) == [Send({"type": "pong"})]
    for first in ([], [INIT]):
        protocol = Protocol()
        for data in [*first, *[message(type="ping")] * (STRANGERS_MESSAGES_MAX - len(first))]:
            assert closes(protocol.receive(data)) is None
        assert closes(protocol.receive(message(type="ping"))) is CloseCode.TOO_MANY
    for _ in range(2 * STRANGERS_MESSAGES_MAX):
        assert closes(ready.receive(message(type="ping"))) is None


def test_ping_is_answered_in_any_state(ready: Protocol) -> None:
    """Also before connection_init."""
    assert ready.receive(message(type="ping")) == Protocol().receive(message(type="ping")) == [Send({"type": "pong"})]
    assert ready.receive(message(type="pong")) == []


def test_a_ping_with_a_credential_renews(ready: Protocol) -> None:
    """The answer tells that it was taken; before connection_ack it is an ordinary ping."""
    assert ready.receive(message(type="ping", payload={"authorization": "Bearer n"})) == [Renew("Bearer n")]
    assert ready.renewed() == [Send({"type": "pong", "payload": {"renewed": True}})]
    assert Protocol().receive(message(type="ping", payload={"authorization": "x"})) == [Send({"type": "pong"})]


@pytest.mark.parametrize(
    "payload",
    [{"Authorization": "Bearer t"}, {"authorization": "t"}, {"token": "t"}, {"headers": {"Authorization": "Bearer t"}}],
)
def test_clients_name_their_credential_in_many_ways(payload: dict[str, Any]) -> None:
    """All lead to the same header value."""
    assert credential_of(payload) == "Bearer t"


IDS = st.sampled_from(["1", "2", "", 3, None])
JSON_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=3)
MESSAGES = st.one_of(
    st.just(INIT),
    st.binary(max_size=30),
    st.none(),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["subscribe", "complete", "ping", "pong", "connection_init", "next", "x"])},
        optional={"id": IDS, "payload": JSON_VALUES | st.just({"query": "{ a }"}) | st.just({"token": "t"})},
    ).map(lambda value: json.dumps(value).encode()),
)
EVENTS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("receive"), MESSAGES),
    st.tuples(st.sampled_from(["authenticated", "renewed", "refused", "init_timed_out"])),
    st.tuples(st.just("next_answer"), st.sampled_from("12"), st.just({})),
    st.tuples(st.just("failed"), st.sampled_from("12"), st.just([])),
    st.tuples(st.just("finished"), st.sampled_from("12")),
)


@examples(100)
@given(st.lists(EVENTS, max_size=30))
def test_no_sequence_breaks_the_rules(events: list[tuple[Any, ...]]) -> None:
    """Nothing raises; nothing follows a close; answers only for started ids; ack at most once."""
    protocol, closed, acknowledged = Protocol(), False, 0
    started: set[str] = set()
    for name, *arguments in events:
        for action in getattr(protocol, name)(*arguments):
            assert not closed
            match action:
                case Close(code):
                    assert code in CloseCode
                    closed = True
                case Start(id):
                    assert id not in started
                    started.add(id)
                case Stop(id):
                    started.remove(id)
                case Send({"type": "connection_ack"}):
                    acknowledged += 1
                case Send({"type": "next", "id": id}):
                    assert id in started
                case Send({"type": "complete", "id": id}):
                    started.remove(id)
                case Send({"type": "error", "id": id}) if name == "failed":
                    started.remove(id)
    assert acknowledged <= 1
    assert closed == (protocol.state is State.CLOSED)
