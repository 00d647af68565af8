"""Cut a byte stream into lines of bounded length. Pure: fed with chunks, answers lines; no socket, no await."""

from contracts.events import EVENT_BYTES_MAX

LINE_BYTES_KEPT = EVENT_BYTES_MAX + 1
"""How much of a line is kept: one byte over the largest record, so that whoever gets it sees it is too large."""


class LineSplitter:
    """Splits NDJSON; blank lines and trailing carriage returns are dropped, the excess of an overlong line too."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in this chunk."""
        *complete, rest = chunk.split(b"\n")
        if complete:
            complete[0] = self._rest + complete[0]
            self._rest = rest[:LINE_BYTES_KEPT]
        else:
            self._rest += rest[: LINE_BYTES_KEPT - len(self._rest)]
        return [line[:LINE_BYTES_KEPT] for raw in complete if (line := raw.strip())]

    def end(self) -> list[bytes]:
        """Return the last line where the stream ended, by itself, without a line break. A cut stream has none."""
        line, self._rest = self._rest.strip(), b""
        return [line] if line else []
