"""Whether a payment's texts match the patterns of its contract, mostly told from what matched before. Pure.

Accounts, cards, days and countries come again and again, and looking one up costs a tenth of matching it: patterns are
half of what decoding costs. Texts that matched are remembered, each pattern's by itself and so many at most; whoever is
told no decodes again with the contract's own type, which decides and says what is wrong.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from contracts import events as e

KNOWN_MAX = 100_000
"""Most texts remembered as matching one pattern (some 10 MB); past it all are forgotten."""
_NEW_EVERY_TIME = frozenset({"transaction_id", "reverses_transaction_id"})
"""Fields whose texts are not remembered, for they do not come again."""

_Texts = Callable[[Any], tuple[Any, ...]]


class _Pattern:
    """One pattern and texts known to match it; None, what an optional field holds, is one."""

    def __init__(self, pattern: str) -> None:
        self.matches = re.compile(pattern).search
        self.known: set[str | None] = {None}

    def learn(self, texts: Iterable[str | None]) -> bool:
        """Match texts, remember those that do, and say whether all did."""
        for text in texts:
            if text not in self.known:
                if self.matches(text) is None:  # type: ignore[arg-type]  # None is known
                    return False
                if len(self.known) > KNOWN_MAX:
                    self.known.clear()
                    self.known.add(None)
                self.known.add(text)
        return True


class Patterns:
    """The patterns of one kind of struct, with those of the structs that its fields hold."""

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        remembered: dict[str, list[str]] = {}
        self._matched: list[tuple[Callable[[Any], str | None], _Pattern]] = []
        self._held: list[tuple[Callable[[Any], Any], Patterns]] = []
        for field, hint in get_type_hints(kind, include_extras=True).items():
            for pattern in _patterns_in(hint):
                if field in _NEW_EVERY_TIME:
                    self._matched.append((attrgetter(field), _pattern(pattern)))
                else:
                    remembered.setdefault(pattern, []).append(field)
            self._held += [
                (attrgetter(field), held) for struct in _structs_in(hint) if not (held := Patterns(struct)).is_empty
            ]
        self._known = [(_texts(fields), _pattern(pattern)) for pattern, fields in remembered.items()]

    @property
    def is_empty(self) -> bool:
        """Whether every struct of the kind matches."""
        return not (self._known or self._matched or self._held)

    def match(self, struct: Any) -> bool:
        """Say whether all the texts of a struct match."""
        for texts, pattern in self._known:
            found = texts(struct)
            if not pattern.known.issuperset(found) and not pattern.learn(found):
                return False
        for text, pattern in self._matched:
            if (one := text(struct)) is not None and pattern.matches(one) is None:
                return False
        for value, patterns in self._held:
            if (inner := value(struct)) is not None and not patterns.match(inner):
                return False
        return True


_made: dict[str, _Pattern] = {}


def _pattern(pattern: str) -> _Pattern:
    return _made.setdefault(pattern, _Pattern(pattern))


def remembered() -> int:
    """Return how many texts are remembered, of all patterns."""
    return sum(len(pattern.known) for pattern in _made.values())


def _texts(fields: list[str]) -> _Texts:
    return attrgetter(*fields, fields[0])  # of one name alone attrgetter makes no tuple


def _patterns_in(hint: Any) -> list[str]:
    if get_origin(hint) is Annotated:
        return [meta.pattern for meta in get_args(hint)[1:] if meta.pattern is not None]
    return [pattern for part in get_args(hint) for pattern in _patterns_in(part)]


def _structs_in(hint: Any) -> list[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [struct for part in get_args(hint) for struct in _structs_in(part)]


_timestamp = re.compile(_patterns_in(e.Timestamp)[0]).search


@lru_cache(16_384)
def is_timestamp(text: str) -> bool:
    """Say whether a text is written as an event's time is; many events come within a second, or of a day."""
    return _timestamp(text) is not None


PAYMENT_PATTERNS = {kind: Patterns(kind) for kind in e.EVENT_TYPES.values() if issubclass(kind, e.Payment)}
"""By type of event: those that are nearly all of what comes."""
