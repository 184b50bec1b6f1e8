"""Chinese words for repetitions and for spans of time: 每个工作日, 每隔两小时, 半小时后."""

from __future__ import annotations

import re
from fractions import Fraction

from apps.assistant.when import pieces as p
from apps.assistant.when.numbers import NUMBER, chinese
from apps.assistant.when.pieces import (
    BEYOND,
    BEYOND_DAY,
    Interval,
    Marker,
    Part,
    Pieces,
    Unit,
    Weekdays,
)
from apps.assistant.when.rules import Match, Rules
from apps.assistant.when.spells import DAY, HOUR, MINUTE, offset_of
from apps.assistant.when.zh_clock import PART, PARTS
from apps.assistant.when.zh_dates import WEEK

RULES = Rules()

_WORKDAYS = Weekdays(((1, 5),), repeats=True)
_WEEKEND = Weekdays(((6, 6), (7, 7)))

RULES.always("(?:每一?[天日]|天天|日日)(?!气)", (Marker(Unit.DAY),))
RULES.always(f"每一?个?{WEEK}(?![一二三四五六日天])", (Marker(Unit.WEEK),))
RULES.always("每一?个?月", (Marker(Unit.MONTH),))
RULES.always("每一?个?季度?", (Marker(Unit.QUARTER),))
RULES.always("每一?年", (Marker(Unit.YEAR),))
RULES.always("每一?[早晨]上?", (Marker(Unit.DAY), Part(p.MORNING, whole=True)))
RULES.always("每一?[晚夜]上?", (Marker(Unit.DAY), Part(p.EVENING, whole=True)))
RULES.always("(?:每一?个?|每?逢|每周)?工作日(?!之?后|[报志])", (_WORKDAYS,))
RULES.always(
    f"(?:每一?个?|每逢|逢){WEEK}末|每个?{WEEK}的?{WEEK}末",
    (Weekdays(_WEEKEND.spans, repeats=True),),
)
RULES.always(f"{WEEK}末(?=每天|天天)", (_WEEKEND,))
RULES.always("(?:每一?个|每逢)整点", (Interval(60, past=0),))
# Other rhythms: a crontab starts them anew each hour, month or year, which is not what was said.
RULES.always(
    rf"每(?:隔|间隔|过)?(?:{NUMBER}|半|几|数)个?(?:多)?(?:天|日|周|星期|礼拜|月|季度?|年|工作日|秒)"
    rf"|每隔?秒|每[天日周月年](?:{NUMBER}|几|多|数)次|(?:{NUMBER}|几|数)个工作日[之以]?后",
    BEYOND_DAY,
)


@RULES.rule(f"每一?个({PART})")
def _every_part(match: Match) -> Pieces:
    return Marker(Unit.DAY), Part(PARTS[match[1]], whole=True)


_SECONDS = {
    "秒": 1,
    "分": MINUTE,
    "刻": 15 * MINUTE,
    "小": HOUR,
    "钟": HOUR,
    "天": DAY,
    "日": DAY,
    "周": 7 * DAY,
    "星": 7 * DAY,
    "礼": 7 * DAY,
}
_MONTHS = {"月": 1, "年": 12}
_UNIT = "(?:秒钟?|分钟?|刻钟?|小时|钟头|天|日|周|星期|礼拜|月|年)"
_COUNT = rf"(?:[0-9]{{1,4}}\.[0-9]|{NUMBER}|半)"
_TERM = re.compile(f"({_COUNT})(个?)(半?)({_UNIT})(半?)")
_SPELL = f"(?:{_COUNT}个?半?{_UNIT}半?[零又]?){{1,4}}"
# 两小时后台维护 is about a 后台, 两小时后续费 is not about a 后续.
_AFTER = "(?:之后|以后|过后|后)(?![台端缀勤]|续(?![费约租订签保])|面(?!试))"
_BEFORE = "(?:之前|以前|前)(?![台端])"


@RULES.rule(f"(?:再?过)?({_SPELL}){_AFTER}")
def _later(match: Match) -> Pieces | None:
    return _spell(match[1], 1)


@RULES.rule(f"(?<![超经通不])再?过(?![两几]天)({_SPELL})(?!{_AFTER})")
def _after_passing(match: Match) -> Pieces | None:
    return _spell(match[1], 1)


@RULES.rule(f"({_SPELL}){_BEFORE}|提前({_SPELL})")
def _ago(match: Match) -> Pieces | None:
    return _spell(match[1] or match[2], -1)


RULES.always(f"[几数多]个?{_UNIT}(?:{_AFTER}|{_BEFORE})|过[两几]天", BEYOND)


@RULES.rule(rf"每(?:隔|间隔|过)?({NUMBER}|半)?个?(半)?(分|刻|小时|钟头)(?<!分)钟?(?:[一1]次)?")
def _interval(match: Match) -> Pieces | None:
    return _every(match[1], match[2], match[3])


@RULES.rule(rf"每(?:隔|间隔|过)?({NUMBER}|半)?个?(半)?(分)钟(?:[一1]次)?")
def _minutes(match: Match) -> Pieces | None:
    return _every(match[1], match[2], match[3])


@RULES.rule(f"({NUMBER}|半)个?(半)?(分|刻|小时|钟头)钟?[一1]次")
def _once_in(match: Match) -> Pieces | None:
    return _every(match[1], match[2], match[3])


@RULES.rule(rf"每一?个?小时的?(?:第({NUMBER})分钟?|({NUMBER})分(?!钟))")
def _minute_of_hour(match: Match) -> Pieces | None:
    minute = chinese(match[1] or match[2])
    if minute is None:
        return None
    return (Interval(60, past=minute),) if minute < 60 else BEYOND


def _every(count: str | None, half: str | None, unit: str) -> Pieces | None:
    number = Fraction(1, 2) if count == "半" else Fraction(chinese(count or "") or 0)
    if count is None and not half:
        number = Fraction(1)
    minutes = (number + Fraction(bool(half), 2)) * _SECONDS[unit[0]] / MINUTE
    return (Interval(int(minutes)),) if minutes >= 1 and minutes.denominator == 1 else BEYOND


def _spell(text: str, sign: int) -> Pieces | None:
    """The spell of time that the text adds up to; None when a word in it is no number."""
    months, seconds = Fraction(0), Fraction(0)
    for count, measure, half, unit, half_behind in _TERM.findall(text):
        number = _amount(count)
        if number is None or (unit == "月" and not measure):
            return None
        number += Fraction(bool(half) + bool(half_behind), 2)
        if unit in _MONTHS:
            months += number * _MONTHS[unit]
        else:
            seconds += number * _SECONDS[unit[0]]
    return offset_of(months, seconds, sign)


def _amount(count: str) -> Fraction | None:
    if count == "半":
        return Fraction(1, 2)
    if "." in count:
        return Fraction(count)
    number = chinese(count)
    return None if number is None else Fraction(number)
