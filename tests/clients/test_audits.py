"""What npm's graphql-http says about the edge: the audits most GraphQL servers publish."""

from collections import Counter

import pytest

from tests.clients.conftest import Run

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]

AUDITS = 61


async def test_every_audit_of_graphql_over_http_is_passed(run_script: Run) -> None:
    """What a server must, should and may do is done, all of it."""
    audits = (await run_script("audits.mjs"))["audits"]
    print(f"{len(audits)} audits: {dict(Counter(audit['status'] for audit in audits))}")  # noqa: T201 (what CI shows)
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == AUDITS
