"""What somebody decides about is shown as it is: nothing hidden, nothing cut without saying so."""

from __future__ import annotations

from typing import Any

from apps.core import strictjson

SHOWN = 2000


def visible(value: Any) -> str:
    """A parameter as whoever decides must see it; what is no text as JSON."""
    plain = _plain(value)
    rest = len(plain) - SHOWN
    return plain if rest <= 0 else f"{plain[:SHOWN]} … (+{rest})"


def fits(value: Any) -> bool:
    """Is all of it shown?"""
    return len(_plain(value)) <= SHOWN


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else strictjson.dumps(value)
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
