"""What must be in order before a process starts: a data folder that can be written, ports that are free."""

import os
import socket
import tempfile
from pathlib import Path

from contracts.settings import BadSetting, Settings


def open_data_dir(settings: Settings) -> Path:
    """Create the data folder (mode 0700) where it is missing, and make sure that files can be written in it.

    Raises:
        BadSetting: they cannot.
    """
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadSetting(f"BELFRY_DATA_DIR: {folder} cannot be written: {error.strerror}.") from error
    return folder


def demand_free_port(host: str, port: int, setting: str) -> None:
    """Make sure that a port can be bound now; 0 always can.

    Raises:
        BadSetting: it is taken or not allowed; names `setting`.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "unknown host"
        raise BadSetting(f"{setting}: port {port} on {host} cannot be used: {reason}.") from error
