"""Debian's Chromium, and what it visits."""

import os
import shutil
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bench.processes import running
from tests.browser.visits import Visit
from tests.journey.bank import Bank

if TYPE_CHECKING:
    from playwright.async_api import Browser

WAIT_MS_MAX = 10_000

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without it these tests are skipped, or fail where REQUIRE_BROWSER=1 asks for it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("Chromium is required here, and not found: apt-get install chromium")
    pytest.skip("Chromium is not found: apt-get install chromium")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> "AsyncGenerator[Browser]":
    """One browser for all tests of a module: starting it takes longer than most of them."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - see visits.py

    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: "Browser") -> AsyncGenerator[Visit]:
    """A page without a past: no storage, no cache."""
    page = await browser.new_page(viewport={"width": 1440, "height": 860})
    page.set_default_timeout(WAIT_MS_MAX)
    visit = Visit(page)
    visit.watch()
    yield visit
    await page.context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def belfry_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """The gateway of a whole Belfry with two customers and an alert for the first."""
    names = ("events", "accounts", "analytics", "gateway")
    async with running(tmp_path_factory.mktemp("belfry"), *names) as belfry, Bank(belfry) as bank:
        people = [bank.customer("ada"), bank.customer("bram")]
        accounts = [bank.account("adas", "ada"), bank.salary("adas"), bank.account("brams", "bram")]
        await bank.settle(*people, *accounts, bank.payment("adas", "2500.00", "piano"))
        yield belfry.urls["gateway"]
