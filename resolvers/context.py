"""What every resolver is given: the caller, the services, the time left, and what is shared within one request.

The edge makes a fresh one for each request and for each event of a subscription.
"""

from dataclasses import dataclass, field

import strawberry

from clients.backends import Backends
from clients.deadline import Aged, Errand
from resolvers.access import Access
from resolvers.cursors import CursorCodec
from resolvers.feed import FeedPort
from resolvers.loaders import Loaders
from resolvers.node_ids import decode_id_of
from resolvers.principal import Principal
from resolvers.trails import Trail


@dataclass(slots=True)
class RequestContext:
    """The context of one request; `loaders`, `access` and `trail` come of themselves, the first when asked for."""

    principal: Principal
    backends: Backends
    deadline: Errand
    feed: FeedPort
    cursors: CursorCodec
    _loaders: Loaders | None = field(init=False, default=None)
    access: Access = field(init=False)
    trail: Trail = field(init=False, default_factory=Trail)

    def __post_init__(self) -> None:
        self.forget()

    @property
    def customer_id(self) -> str:
        """The caller's own customer id."""
        return self.principal.customer_id

    @property
    def loaders(self) -> Loaders:
        """The loaders of this request."""
        if self._loaders is None:
            self._loaders = Loaders(self.backends, self.deadline)
        return self._loaders

    @property
    def aged(self) -> list[Aged]:
        """Which parts of the answer were kept from earlier."""
        return self.deadline.aged

    def subject(self, kind: str, text: str) -> str:
        """Return the id of a global id that a mutation is about, and leave it on the trail.

        Raises:
            NotFound: it is none, or of another kind.
        """
        id = decode_id_of(kind, text)
        self.trail.about(kind, id)
        return id

    def forget(self) -> None:
        """Drop everything loaded so far: a mutation calls it, so that its answer shows what is true afterwards."""
        self.deadline.flights.part()
        self._loaders = None
        self.access = Access(self.principal.customer_id, self.backends, self.deadline)


Info = strawberry.Info[RequestContext, None]
"""What Strawberry hands to a resolver, with our context in it."""
