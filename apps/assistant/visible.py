"""What somebody decides about is shown as it is: nothing hidden, nothing cut without saying so."""

from __future__ import annotations

from typing import Any

from apps.core import strictjson

SHOWN = 2000


def visible(value: Any) -> str:
    """A parameter as whoever decides must see it; what is no text as JSON."""
    text = value if isinstance(value, str) else strictjson.dumps(value)
    plain = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
    rest = len(plain) - SHOWN
    return plain if rest <= 0 else f"{plain[:SHOWN]} … (+{rest})"
