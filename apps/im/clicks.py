"""Buttons are signed: what a platform sends back on a click names one button of one card.

A token is `<delivery>.<button>.<key>.<mac>`, at most 64 ASCII characters (Telegram's limit). It
says which button was meant and that we made it; what that does stands in the delivery's row.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace

from apps.core import crypto
from apps.im.cards import Button, Card

_PURPOSE = "button"
_MAC_CHARS = 20


@dataclass(frozen=True, slots=True)
class Named:
    """The card and the button that a genuine token names."""

    delivery: int
    button: str


def button_id(cmd: str) -> str:
    """A button's id within its card: the same for the same command."""
    return hashlib.sha256(cmd.encode()).hexdigest()[:12]


def token(delivery: int, bot: int, cmd: str) -> str:
    """The signed token of a button."""
    named = f"{delivery:x}.{button_id(cmd)}"
    kid, _, mac = crypto.mac(f"{bot}.{named}".encode(), _PURPOSE).partition(":")
    return f"{named}.{kid}.{mac[:_MAC_CHARS]}"


def read(text: str, bot: int) -> Named | None:
    """What a token names; None when we did not make it for this bot."""
    parts = text.split(".")
    if len(parts) != 4 or not text.isascii() or len(text) > 100:
        return None
    delivery, button, kid, mac = parts
    expected = crypto.mac_under(kid, f"{bot}.{delivery}.{button}".encode(), _PURPOSE)
    if not expected or not hmac.compare_digest(expected[:_MAC_CHARS], mac):
        return None
    return Named(int(delivery, 16), button)


def signed(card: Card, delivery: int, bot: int) -> Card:
    """The card with a token in each of its buttons."""

    def sign(button: Button) -> Button:
        return replace(button, token=token(delivery, bot, button.cmd))

    if not card.buttons and card.form is None:
        return card
    form = card.form and replace(card.form, submit=sign(card.form.submit))
    return replace(card, buttons=tuple(map(sign, card.buttons)), form=form)


def button_of(card: Card, button: str) -> Button | None:
    """The button of a card that has this id; None when the card shows it no longer."""
    every = (*card.buttons, *((card.form.submit,) if card.form else ()))
    return next((one for one in every if button_id(one.cmd) == button), None)
