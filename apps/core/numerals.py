"""Numbers in Chinese words: 一千零四十二 is 1042. What is no number (万一, 千万), or is read in two
ways (七八, 一万三), is none."""

from __future__ import annotations

DIGITS = {**{one: n for n, one in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2, "幺": 1}
UNITS = {"十": 10, "百": 100, "千": 1000}
LETTERS = "".join((*DIGITS, *UNITS, "万", "亿"))


def value(word: str) -> int | None:
    """The number, None for what is none."""
    total, rest = 0, word
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        head, found, tail = rest.rpartition(unit)
        if not found:
            continue
        high = _small(head)
        if not high:
            return None
        total, rest = total + high * size, tail
        if not rest:
            return total
    low = _small(rest)
    if low is None or (total and low < 1000 and not rest.startswith("零")):
        return None  # 一万三 is 13,000 to one and 10,003 to another
    return total + low


def _small(word: str) -> int | None:
    """Below ten thousand, in units that fall: 一千零四十二, 二十, 十五."""
    total, digit, last, zero = 0, -1, 10_000, False
    for one in word:
        if one in UNITS:
            size = UNITS[one]
            alone = size == 10 and total == 0 and not zero  # 十五 has no 一 before it
            if size >= last or (digit < 0 and not alone):
                return None
            total, last, digit = total + max(digit, 1) * size, size, -1
        elif one in DIGITS and digit < 0:
            zero = zero or DIGITS[one] == 0
            digit = DIGITS[one] or -1
        else:
            return None
    if not word or (digit > 0 and total and last > 10 and not zero):
        return None  # 两百五 likewise
    return total + max(digit, 0)
