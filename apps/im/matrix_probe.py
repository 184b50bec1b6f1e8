"""Notices that a homeserver was away, however shortly, by the end of a connection kept for that.

To ask now and then is not enough: a small Synapse is back within a second and a half, between two
questions. Its connections do not outlive it. Behind a proxy that keeps ours meanwhile, only an
absence that a question meets is seen.
"""

from __future__ import annotations

from apps.im import matrix_api
from apps.im.errors import Later, UnknownOutcome
from apps.im.shapes import SendContext

#: After so many new connections in a row it is a server that keeps none: their end says nothing.
MOST_FRESH = 3


class Probe:
    """Asks for the smallest thing there is; `absent` once the homeserver was away, until reset.

    The door of its context has to be its own: the connections of others come and go.
    """

    def __init__(self, ctx: SendContext) -> None:
        self.absent = False
        self._ctx = ctx
        self._fresh = 0

    async def look(self) -> bool:
        """Ask once: is the homeserver there? Raises what refuses the bot itself."""
        try:
            reply = await matrix_api.send(self._ctx, "GET", "/_matrix/client/versions")
            matrix_api.opened(reply)
        except Later as error:
            there = error.delay_s > 0  # who asks for time is there
        except UnknownOutcome:
            there = False
        else:
            there = True
            self._fresh = self._fresh + 1 if reply.fresh else 0
            self.absent |= 1 <= self._fresh <= MOST_FRESH
        self.absent |= not there
        return there
