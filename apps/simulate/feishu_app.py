"""The app of the stand-in of Feishu as its developer console has it: scopes, events, callbacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

APPLICATION = "/open-apis/application/v6/"


@dataclass
class App:
    """What was granted and subscribed; `address` is where events and clicks are sent."""

    scopes: set[str] = field(
        default_factory=lambda: {
            "im:message", "im:message.p2p_msg:readonly", "im:message.group_at_msg:readonly",
        }
    )  # fmt: skip
    events: list[str] = field(default_factory=lambda: ["im.message.receive_v1"])
    callbacks: list[str] = field(default_factory=lambda: ["card.action.trigger"])
    address: str = ""

    def told(self, path: str) -> dict[str, Any]:
        """The data of one of the two calls."""
        if path == "scopes":
            refused = {"im:chat"} - self.scopes
            listed = [{"scope_name": name, "grant_status": 1} for name in sorted(self.scopes)]
            listed += [{"scope_name": name, "grant_status": 2} for name in refused]
            return {"data": {"scopes": listed}}
        event = {"request_url": self.address, "subscribed_events": self.events}
        callback = {"request_url": self.address, "subscribed_callbacks": self.callbacks}
        return {"data": {"app": {"status": 1, "event": event, "callback_info": callback}}}
