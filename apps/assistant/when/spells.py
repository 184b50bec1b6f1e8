"""Spells of time, which both languages add up from units."""

from __future__ import annotations

from fractions import Fraction

from apps.assistant.when.pieces import BEYOND, Offset, Pieces

MINUTE, HOUR, DAY = 60, 3600, 86400


def offset_of(months: Fraction, seconds: Fraction, sign: int) -> Pieces:
    """That long after now (`sign` 1) or before it (-1); half a month has no agreed length."""
    if months.denominator != 1:
        return BEYOND
    days, rest = divmod(int(seconds), DAY)
    return (Offset(sign * int(months), sign * days, sign * rest),)
