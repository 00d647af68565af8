"""How a caller tells a service how long it still waits."""

WAIT_HEADER = "X-Request-Timeout-Ms"
"""The header with the milliseconds left; it shrinks from hop to hop."""
