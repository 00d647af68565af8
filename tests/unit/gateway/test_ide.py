"""GraphiQL's routes: the page and its files, the demo's customers, tokens and example operations."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from contracts.failures import Unavailable
from gateway.ide import CONTENT_SECURITY_POLICY, DemoCustomer, ide_routes
from tests.cases import each


class Directory:
    """Two customers, or a directory that is away."""

    def __init__(self) -> None:
        self.away = False

    async def customers(self) -> list[DemoCustomer]:
        if self.away:
            raise Unavailable("The account service does not answer.")
        return [DemoCustomer("c-1", "Ada Marlow", "Two accounts"), DemoCustomer("c-2", "Bram Okafor", "A portfolio")]

    def mint_token(self, customer_id: str) -> str:
        return f"token of {customer_id}"


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def operations(tmp_path: Path) -> Path:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "home.graphql").write_text("# Who am I?\nquery Home { hello }\n")
    (folder / "feed.graphql").write_text("# What is new?\nsubscription Feed($to: Int!) { count(to: $to) { name } }\n")
    (folder / "feed.variables.json").write_text('{"to": 3}')
    (folder / "end.graphql").write_text("# Bye.\nmutation End { end }\n")
    return folder


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "graphiql"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "assets" / "main-ABCD2345.js").write_text("start()")
    (folder / "assets" / "notes.txt").write_text("not for the web")
    return folder


@pytest.fixture
async def browser(directory: Directory, operations: Path, built: Path) -> AsyncGenerator[httpx.AsyncClient]:
    app = Starlette(routes=ide_routes(directory, operations, built=built))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        yield client


async def test_the_page_may_load_only_from_its_own_host(browser: httpx.AsyncClient) -> None:
    """The page brings a strict policy and is not kept."""
    answer = await browser.get("/graphiql")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"


async def test_a_file_named_by_its_content_is_kept_for_good(browser: httpx.AsyncClient) -> None:
    """What can never change is immutable to caches."""
    answer = await browser.get("/graphiql/assets/main-ABCD2345.js")
    assert answer.text == "start()"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@each("name", ["notes.txt", "other-ABCD2345.js", "%2e%2e", "..%2findex.html", "..%2f..%2fsecret-ABCD2345.js", "%00"])
async def test_only_built_files_are_served(browser: httpx.AsyncClient, name: str) -> None:
    """A name that the build did not make is not found, whatever is on the disk."""
    answer = await browser.get(f"/graphiql/assets/{name}")
    assert answer.status_code == 404


async def test_a_page_that_is_not_built_says_what_to_do(directory: Directory, tmp_path: Path) -> None:
    """Without assets the answer names the command that makes them."""
    app = Starlette(routes=ide_routes(directory, tmp_path, built=tmp_path / "missing"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        answer = await client.get("/graphiql")
    assert answer.status_code == 503
    assert "make assets" in answer.text


async def test_customers_come_with_what_there_is_to_see(browser: httpx.AsyncClient) -> None:
    """The list has the default first, in the words of the wire."""
    answer = await browser.get("/graphiql/customers")
    assert answer.json()[0] == {"customerId": "c-1", "name": "Ada Marlow", "description": "Two accounts"}


async def test_a_directory_that_is_away_is_a_typed_error(browser: httpx.AsyncClient, directory: Directory) -> None:
    """A failure of the account service reaches the page as one."""
    directory.away = True
    answer = await browser.get("/graphiql/customers")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_operations_come_with_their_variables_what_reads_first(browser: httpx.AsyncClient) -> None:
    """Each file is one tab: queries, subscriptions, mutations; variables come from the file beside it."""
    tabs = (await browser.get("/graphiql/operations")).json()
    assert [(tab["name"], tab["variables"]) for tab in tabs] == [("home", None), ("feed", {"to": 3}), ("end", None)]
    assert tabs[0]["query"] == "# Who am I?\nquery Home { hello }\n"


async def test_a_token_is_minted_for_a_demo_customer(browser: httpx.AsyncClient) -> None:
    """Choosing a customer gives the token of that customer, and no cache keeps it."""
    answer = await browser.post("/graphiql/token", json={"customerId": "c-2"})
    assert answer.json() == {"token": "token of c-2"}
    assert answer.headers["cache-control"] == "no-store"


@each(
    ("body", "content_type", "status"),
    [
        (b'{"customerId":"nobody"}', "application/json", 404),
        (b'{"customerId":7}', "application/json", 400),
        (b'{"customerId":"c-1","scope":"all"}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"customerId":"c-1"}', "text/plain", 415),
        (json.dumps({"customerId": "c" * 2000}).encode(), "application/json", 413),
    ],
)
async def test_a_wrong_token_request_is_refused(
    browser: httpx.AsyncClient, body: bytes, content_type: str, status: int
) -> None:
    """Unknown customers, other shapes, other content types and large bodies get a typed refusal."""
    answer = await browser.post("/graphiql/token", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"]
