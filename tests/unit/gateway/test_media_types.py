"""Facts about choosing a representation."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, choose, parse_accept, parse_media_type
from tests.cases import each
from tests.examples import examples

OFFERED = (JSON, GRAPHQL_RESPONSE, EVENT_STREAM)


@each(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_RESPONSE),
        ("application/json;q=0.5, application/graphql-response+json;q=0.9", GRAPHQL_RESPONSE),
        # urql: mentions the stream last and gets the response it prefers
        (
            "application/graphql-response+json, application/graphql+json, application/json, text/event-stream",
            GRAPHQL_RESPONSE,
        ),
        ("text/event-stream", EVENT_STREAM),
        ("text/event-stream, application/json", EVENT_STREAM),
        ("TEXT/Event-Stream", EVENT_STREAM),
        ("text/event-stream;q=0", None),
        ("*/*, application/json;q=0", GRAPHQL_RESPONSE),
        ("text/html", None),
        ("application/json;q=nonsense", None),
        ("nonsense, application/json", JSON),
        ("nonsense", JSON),
        (" , ;q=1", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
    ],
)
def test_the_preferred_type_is_chosen(accept: str | None, chosen: str | None) -> None:
    """Quality first, then the client's order, then ours; nothing by substring."""
    assert choose(accept, OFFERED) == chosen


def test_parameters_and_quotes_are_read() -> None:
    """A comma or semicolon inside quotes separates nothing."""
    one, two = parse_accept('multipart/mixed; subscriptionSpec="1.0,x;y"; q=0.5, application/json')
    assert one.parameter("subscriptionspec") == "1.0,x;y"
    assert (one.quality, two.essence) == (0.5, JSON)


def test_a_charset_is_a_parameter() -> None:
    """A content type is parsed by the same rules."""
    parsed = parse_media_type("Application/JSON; Charset=UTF-8")
    assert parsed is not None
    assert (parsed.essence, parsed.parameter("charset")) == (JSON, "UTF-8")


@examples(50)
@given(st.text(max_size=200))
def test_any_header_is_survived(text: str) -> None:
    """Whatever is sent, the choice is one of the offered or none."""
    assert choose(text, OFFERED) in (*OFFERED, None)
