"""What one transaction of the consumer did: for metrics, and to know whether readers of the alert log must wake."""

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """Counts of one transaction; `accepted_us` is the log's clock at its last entry, 0 for a tick."""

    applied: int
    raised: dict[str, int]
    late: int
    windows_closed: int
    offset: int = 0
    accepted_us: int = 0
