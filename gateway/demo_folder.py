"""The demo's files in the data folder: its lock, what was seeded when, and what `--fresh` deletes."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from contracts.settings import BadSetting
from gateway.demo_issuer import KEY_FILE

LOCK_FILE = "demo.lock"
CURSOR_KEY_FILE = "cursor.key"
"""The gateway makes it."""
SEEDING_FILE = "demo.json"
MADE_BY_BELFRY = (
    "events.sqlite3*",
    "accounts.sqlite3*",
    "analytics.sqlite3*",
    "archive",
    "audit",
    "revocations.*",
    "logs",
    "notifications.ndjson",
    "replay",
    SEEDING_FILE,
    CURSOR_KEY_FILE,
    KEY_FILE,
)
"""What `--fresh` deletes; anything else in the folder stays."""


class Seeding(msgspec.Struct):
    """The moment the history is told up to, and whether all of it was sent; if not, it goes on with the same."""

    now: datetime
    is_complete: bool = False


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one demo at a time.

    Raises:
        BadSetting: another one runs in it.
    """
    with (folder / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadSetting(f"BELFRY_DATA_DIR: another demo runs in {folder}.") from None
        yield


def clear(folder: Path) -> None:
    """Delete what Belfry made."""
    for pattern in MADE_BY_BELFRY:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def read_seeding(folder: Path) -> Seeding | None:
    """Return what was seeded; None in a folder where nothing was.

    Raises:
        BadSetting: the file is damaged.
    """
    try:
        return msgspec.json.decode((folder / SEEDING_FILE).read_bytes(), type=Seeding)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise BadSetting(f"{folder / SEEDING_FILE} is damaged; start over with --fresh.") from None


def write_seeding(folder: Path, seeding: Seeding) -> None:
    """Remember it, as a whole."""
    written = folder / f"{SEEDING_FILE}.new"
    written.write_bytes(msgspec.json.encode(seeding))
    written.replace(folder / SEEDING_FILE)
