"""Host names as requests name them: pure, for every process that answers only under names of its own."""

from functools import lru_cache

HEALTH = "/health/"
"""Below it every name is answered: who asks for health may know an address only."""


@lru_cache(maxsize=256)
def host_name(host: bytes) -> str:
    """Return the name of a `Host` header without its port, in lower case."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
