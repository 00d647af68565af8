"""What `belfry` exits with; docs/operations.md explains them to operators."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Each code means one thing, whatever the command."""

    DONE = 0
    FAILED = 1
    """Something that should work did not: a service does not answer, a process of the demo ended."""
    WRONG_USE = 2
    """An argument, a setting, a file, a taken port or a data folder that cannot be written: nothing was started."""
    REFUSED_ROWS = 3
    """A replay accounted for every row, and some were rejected or in conflict."""
    INTERRUPTED = 130
    """Ctrl-C; a replay goes on from there when it is started again."""
