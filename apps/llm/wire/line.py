"""One model, ready to be called: where it is, whose it is, how it differs."""

from __future__ import annotations

from dataclasses import dataclass

from apps.llm.errors import Auth
from apps.llm.provider import CHAT, Provider
from apps.llm.quirks import Quirks
from apps.llm.registry import get_provider
from apps.llm.target import Target


@dataclass(frozen=True, slots=True)
class Line:
    """A target with its provider and its quirks."""

    target: Target
    provider: Provider
    quirks: Quirks

    @property
    def chat_url(self) -> str:
        """Where questions go."""
        return self.url(CHAT)

    def url(self, path: str) -> str:
        """An address of this provider's API."""
        return self.provider.base(self.target.base_url) + path

    def headers(self) -> dict[str, str]:
        """What every request carries; the key shows itself here and nowhere else. Raises `Auth`
        for a key that no header can hold."""
        key = self.target.key.reveal().strip()
        if not key.isascii() or not key.isprintable():
            raise Auth("the key holds what cannot be sent", model=self.target.name)
        bearer = {"authorization": f"Bearer {key}"} if key else {}
        return {**self.quirks.headers, **bearer}


def line_of(target: Target) -> Line:
    """The line to a target. Raises `UnknownProvider` or `BadQuirks`."""
    provider = get_provider(target.provider)
    return Line(target, provider, provider.quirks_of(target.model, target.quirks))
