"""The notifier of the demo: each notification a line of NDJSON in a file, for people and for `belfry demo` to show.

A key is written once. Only what was under way when the process died is handed over again, so the keys of the file's
last lines are all that must be known; half a line, of a process killed while writing, is cut off.
"""

import asyncio
import os
import threading
from collections import OrderedDict
from pathlib import Path

import msgspec

from contracts.failures import Unavailable
from services.analytics.notifications import Notification

NOTIFICATIONS_FILE = "notifications.ndjson"
KEYS_KEPT_MAX = 10_000
"""Keys remembered: many times what can be under way at once."""
TAIL_BYTES = 4 * 1024 * 1024
"""Read at the start; a line has about 300 bytes."""

_json = msgspec.json.Encoder()
_line = msgspec.json.Decoder(Notification)


class NotificationFile:
    """`Notifier` on a file; opened when first used, appended for ever: it is the operator's to move away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: OrderedDict[str, None] | None = None
        self._turn = threading.Lock()

    async def hand_over(self, notification: Notification) -> None:
        """See `Notifier`."""
        await asyncio.to_thread(self._append_in_turn, notification)

    def _append_in_turn(self, notification: Notification) -> None:
        # A lock of threads: whoever gave up waiting has left a thread that still writes.
        with self._turn:
            try:
                self._append(notification)
            except OSError as error:
                self._keys = None  # what is in the file is read again
                raise Unavailable("The file of notifications cannot be written.", detail=str(error)) from error

    def _append(self, notification: Notification) -> None:
        if self._keys is None:
            self._keys = self._read_keys()
        if notification.key in self._keys:
            return
        with self._path.open("ab") as file:
            file.write(_json.encode(notification) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._keys[notification.key] = None
        if len(self._keys) > KEYS_KEPT_MAX:
            self._keys.popitem(last=False)

    def _read_keys(self) -> OrderedDict[str, None]:
        self._path.touch(mode=0o600)
        with self._path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - TAIL_BYTES)
            file.seek(start)
            tail = file.read()
            whole = tail.rfind(b"\n") + 1
            file.truncate(start + whole)
        lines = tail[:whole].splitlines()
        return OrderedDict((_line.decode(line).key, None) for line in (lines if start == 0 else lines[1:]))
