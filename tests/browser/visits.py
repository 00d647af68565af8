"""A page in a browser, with everything it loads and every complaint about it written down."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:  # half a second, which only the worker that has a browser should take
    from playwright.async_api import Page


@dataclass
class Visit:
    """A page, the hosts it asked for anything, and what the browser had to say against it."""

    page: "Page"
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Write down every request, socket, console message of weight and uncaught error."""
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in {"error", "warning"} else None,
        )

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"}:
            self.hosts.add(urlsplit(url).netloc)


async def shows(page: "Page", where: str, text: str | None = None) -> None:
    """Wait until the page shows something where the selector says, or that text there."""
    from playwright.async_api import expect  # noqa: PLC0415

    seen = expect(page.locator(where).first)
    await (seen.to_be_visible() if text is None else seen.to_contain_text(text))
