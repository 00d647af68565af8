"""A page in a browser, with everything it loads and every complaint about it written down."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Page


@dataclass
class Visit:
    """A page, the hosts it asked for anything, and what the browser had to say against it."""

    page: Page
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
