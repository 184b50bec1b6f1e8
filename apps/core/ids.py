"""Short names that people read aloud and type back: job ids, pairing codes, approval codes."""

from __future__ import annotations

import secrets

# Crockford's base 32 (https://www.crockford.com/base32.html) leaves out I, L, O and U.
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Codes are also copied from a screen by eye: without 0 and 1 nothing looks like O, I or L.
CODE = CROCKFORD[2:]

_LOOKALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def short_id() -> str:
    """Return 8 random characters (40 bits) for things that people name, such as jobs.

    Unique only together with a unique index: whoever stores one draws again on a clash.
    """
    return "".join(secrets.choice(CROCKFORD) for _ in range(8))


def code(length: int = 8) -> str:
    """Return an unguessable code of 6 to 8 characters (4.9 bits each) for pairing and approvals."""
    if not 6 <= length <= 8:
        raise ValueError("a code has 6 to 8 characters")
    return "".join(secrets.choice(CODE) for _ in range(length))


def tidy(typed: str) -> str:
    """Return what a person typed as an id or a code in its stored form.

    Case, spaces and dashes do not matter, and O, I and L mean 0, 1 and 1.
    """
    return typed.strip().upper().translate(_LOOKALIKE)
