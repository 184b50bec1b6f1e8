"""What every provider is: names, an address, models, quirks, and how it words its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar
from urllib.parse import urlsplit

from apps.core.i18n import Text, both
from apps.llm.errors import ModelError
from apps.llm.quirks import Quirks, overridden

CHAT = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as a vendor worded it: its codes, the most telling first, and its message."""

    codes: tuple[str, ...] = ()
    message: str = ""


class Provider:
    """One file in `apps/llm/providers` defines one subclass; it keeps no state of its own.

    `codes` name what the vendor's error codes mean, whole or their part at either end. `models`
    changes quirks by the pattern of a model's name, later ones win.
    """

    name: ClassVar[str] = ""
    labels: ClassVar[Text]
    base_url: ClassVar[str] = ""
    #: Model names to offer in forms; any other may be typed.
    suggestions: ClassVar[tuple[str, ...]] = ()
    zone: ClassVar[str] = "mainland"
    quirks: ClassVar[Quirks] = Quirks()
    models: ClassVar[tuple[tuple[str, Mapping[str, Any]], ...]] = ()
    codes: ClassVar[Mapping[str, type[ModelError]]] = {}
    #: What a message says, in lower case, where a code says too little.
    words: ClassVar[Mapping[str, type[ModelError]]] = {}
    #: Where a key comes from and what to mind.
    hint: ClassVar[Text] = both("", "")
    #: Other hosts of the same vendor, by which it is known.
    hosts: ClassVar[tuple[str, ...]] = ()
    #: Those of them that are outside the mainland.
    abroad: ClassVar[tuple[str, ...]] = ()
    #: Ports that nobody else uses, for a server on a company's own machine.
    ports: ClassVar[tuple[int, ...]] = ()
    #: It works without a key.
    keyless: ClassVar[bool] = False

    def quirks_of(self, model: str, changes: Mapping[str, Any] | None = None) -> Quirks:
        """The quirks of one model, with its row's own on top. Raises `BadQuirks`."""
        found = self.quirks
        for pattern, more in self.models:
            if fnmatchcase(model.lower(), pattern):
                found = overridden(found, more)
        return overridden(found, changes or {})

    def base(self, base_url: str) -> str:
        """An address as people paste it, as the wire wants it: no slash or `/chat/completions` at
        its end, and the path of `base_url` when it has none."""
        base = base_url.strip().rstrip("/").removesuffix(CHAT).rstrip("/")
        if urlsplit(base).path:
            return base
        return base + (urlsplit(self.base_url).path if self.base_url else "/v1")

    def known_hosts(self) -> tuple[str, ...]:
        """The hosts by which an address is known to be this vendor's."""
        own = urlsplit(self.base_url).hostname or ""
        return (own, *self.hosts) if own and self.zone != "internal" else self.hosts

    def complaint(self, body: Any) -> Complaint | None:
        """The error in a body, None when it is none. Every answer is asked, also with status 200:
        some vendors report errors inside."""
        if not isinstance(body, dict):
            return None
        error = body.get("error")
        if isinstance(error, dict):
            return complaint_of(error)
        if isinstance(error, str) and error:
            return Complaint((), error)
        return None

    def refusal(self, body: Any) -> Complaint:
        """What the body of an answer with an error's status says, in any shape."""
        found = self.complaint(body)
        if found is None and isinstance(body, dict):
            found = complaint_of(body)
        return found or Complaint((), body if isinstance(body, str) else "")

    def warnings(self, base_url: str, model: str) -> list[Text]:
        """What an administrator should know about this address or model name."""
        return []


def complaint_of(error: Mapping[str, Any]) -> Complaint:
    """The usual fields of an error object, whatever their types."""
    codes = (error.get(key) for key in ("code", "type", "status_code"))
    message = error.get("message") or error.get("msg") or error.get("detail") or ""
    told = (str(code) for code in codes if code not in (None, "") and not _bulky(code))
    known = dict.fromkeys(told)  # some vendors say the same in two fields
    return Complaint(tuple(known), message if isinstance(message, str) else str(message))


def _bulky(code: object) -> bool:
    return not isinstance(code, str | int) or len(str(code)) > 80
