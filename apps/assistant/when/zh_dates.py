"""Chinese words for days: 后天, 下周三, 12月25号, 下个月底."""

from __future__ import annotations

import re
from collections.abc import Callable

from apps.assistant.when import pieces as p
from apps.assistant.when.numbers import HAN_NUMBER, NUMBER, chinese, chinese_digits
from apps.assistant.when.pieces import (
    BEYOND,
    BEYOND_DAY,
    LAST_DAY,
    Day,
    Month,
    MonthDays,
    Part,
    Pieces,
    Span,
    Week,
    Weekdays,
    Year,
)
from apps.assistant.when.rules import MORE, Match, Rules

RULES = Rules()

WEEK = "(?:周|星期|礼拜)"
_WEEKDAY = (
    "(?:[一二三四五六]|天(?!气)|日(?![报常程志历期记])|[1-7](?=[上下早晚中凌傍的到至和、, -]|$))"
)
_TO = "(?:到|至|-)"
_AND = "(?:[、,和及与跟]|以及)"
_EACH = "(?:每个?|每逢|逢|每到)"
_WEEKDAYS = (
    rf"从?({_EACH})?{WEEK}({_WEEKDAY}(?:(?:{_TO}|{_AND})?(?:{_EACH}?{WEEK})?{_WEEKDAY}){MORE})"
)
_THEN_HOUR = rf"(?=[一二三四五六]{HAN_NUMBER}?[点时])"

# 三号楼, 五号会议室, 3日报: what is numbered there is not a day.
_DAY = (
    "(?:号(?![楼会门机服务线院店厅桌车库窗码员房室栋仓节文令公告产任工订卡客])"
    "|日(?![报常程志历期记元均]))"
)
_LISTED_DAYS = rf"{NUMBER}(?:{_DAY}?(?:{_TO}|{_AND}){NUMBER}|{_DAY}{NUMBER}){MORE}{_DAY}"

_DAYS = {"今": 0, "明": 1, "后": 2, "昨": -1, "前": -2}
_PARTS = {"早": p.MORNING, "晨": p.MORNING, "晚": p.EVENING, "夜": p.EVENING}
_ISO_WEEKDAY = {
    char: number
    for chars in ("一二三四五六日", "一二三四五六天", "1234567")
    for number, char in enumerate(chars, start=1)
}


@RULES.rule("(大{0,3})([今明后昨前])(?:天|日|儿)(?!气)")
def _day(match: Match) -> Pieces | None:
    shift, further = _DAYS[match[2]], len(match[1])
    if further and abs(shift) < 2:
        return None
    return (Day(shift + (further if shift > 0 else -further)),)


@RULES.rule("([今明昨])([早晨晚夜])上?")
def _day_and_part(match: Match) -> Pieces:
    return Day(_DAYS[match[1]]), Part(_PARTS[match[2]], whole=True)


@RULES.rule(_WEEKDAYS)
def _weekdays(match: Match) -> Pieces | None:
    days = re.sub(f"{WEEK}|{_EACH}", "", match[2])
    spans = _spans(days, _WEEKDAY, _ISO_WEEKDAY.get)
    if spans is None:
        return None
    several = len(spans) > 1 or spans[0][0] != spans[0][1]
    if match[0].startswith("从") and not several:
        return None
    return (Weekdays(spans, repeats=bool(match[1]) or several),)


RULES.add(_WEEKDAYS + _THEN_HOUR, _weekdays)  # in 周一三点 the last of the list is the hour


@RULES.rule(rf"(?:本|这一?个?){WEEK}(?:的?{WEEK}?({_WEEKDAY}))?")
def _this_week(match: Match) -> Pieces:
    return Week(0), *_one_weekday(match[1])


@RULES.rule(rf"([上下]{{1,3}})一?个?{WEEK}(?!末)(?:的?{WEEK}?({_WEEKDAY}))?")
def _other_week(match: Match) -> Pieces | None:
    shift = _shift(match[1])
    return None if shift is None else (Week(shift), *_one_weekday(match[2]))


@RULES.rule(rf"({NUMBER}(?:(?:{_TO}|{_AND}){NUMBER}|月{_AND}?{NUMBER}){MORE})月份?")
def _months(match: Match) -> Pieces | None:
    numbers = [chinese(word) for word in re.findall(NUMBER, match[1])]
    if re.search(_TO, match[1]) or not all(number and number <= 12 for number in numbers):
        return BEYOND
    return (Month(tuple(sorted({number for number in numbers if number}))),)


@RULES.rule("(本|这个?|当)月(?!光)")
def _this_month(_match: Match) -> Pieces:
    return (Month(shift=0),)


@RULES.rule("([上下]{1,3})一?个?月")
def _other_month(match: Match) -> Pieces | None:
    shift = _shift(match[1])
    return None if shift is None else (Month(shift=shift),)


@RULES.rule(_LISTED_DAYS)
def _days_of_month(match: Match) -> Pieces | None:
    spans = _spans(match[0], NUMBER, chinese)
    return None if spans is None else (MonthDays(spans),)


@RULES.rule("(?<=月)([0-3]?[0-9])(?![0-9点时:号日.个-])")
def _bare_day_of_month(match: Match) -> Pieces:
    return (MonthDays(((int(match[1]), int(match[1])),)),)


RULES.always("(?:月|(?<=月))[底末]|(?:当月|月)?最后[一1]天", (MonthDays(((LAST_DAY, LAST_DAY),)),))
RULES.always("(?<=[月度])的?第[一1]天", (MonthDays(((1, 1),)),))


@RULES.rule(rf"(20[0-9]{{2}}|{HAN_NUMBER})年(?![度终会级报初底后前以之])")
def _year(match: Match) -> Pieces | None:
    if len(match[1]) != 4 or any(char in "十百廿卅两" for char in match[1]):
        return None
    return (Year(chinese_digits(match[1])),)


@RULES.rule("(今|明|后|去|前)年(?![度终会级报初底])")
def _relative_year(match: Match) -> Pieces:
    return (Year(shift=_DAYS[match[1].replace("去", "昨")]),)


# Days that only a calendar of customs, or the story told before, could tell.
RULES.always(
    f"{WEEK}[七八九十零089]|今明两天|非工作日|当[天日晚]|[那某改]天|那晚|次日|隔[天日周月]|[单双]周|周末|下周末"
    "|月[初中]|[上中下]旬|年[初中底末]|季度?[初末]|第[一二两三四五六七八九十0-9]{1,3}"
    f"(?:个|{WEEK}(?!{_WEEKDAY})|天|日|月)|最后[一1]个|倒数|[非节]假?日|法定|农历|阴历|腊月|正月|初[一二三四五六七八九十]"
    "|除夕|春节|元宵|清明|端午|中秋|重阳|国庆节?|元旦|五一|十一假|圣诞节?|平安夜|情人节|生日",
    BEYOND_DAY,
)


def _spans(text: str, token: str, value: Callable[[str], int | None]) -> tuple[Span, ...] | None:
    """The ranges in a list such as 1号、3号到5号; None when something in it is no number."""
    spans: list[Span] = []
    ranging = False
    for word in re.findall(f"{token}|{_TO}", text):
        if re.fullmatch(_TO, word):
            ranging = True
            continue
        number = value(word)
        if number is None:
            return None
        spans.append((spans.pop()[0], number) if ranging else (number, number))
        ranging = False
    return tuple(spans)


def _one_weekday(char: str | None) -> Pieces:
    return () if char is None else (Weekdays(((_ISO_WEEKDAY[char],) * 2,)),)


def _shift(words: str) -> int | None:
    """1 for 下, 2 for 下下, -1 for 上; None for a mixture."""
    if len(set(words)) > 1:
        return None
    return len(words) if words[0] == "下" else -len(words)
