"""Chinese words for the time of day: 下午三点半, 差五分九点, 中午, 今晚."""

from __future__ import annotations

from apps.assistant.when import pieces as p
from apps.assistant.when.digits import clock_of
from apps.assistant.when.numbers import NUMBER, chinese
from apps.assistant.when.pieces import BEYOND, Clock, Hedge, Join, Opening, Part, Pieces
from apps.assistant.when.rules import Match, Rules

RULES = Rules()

PARTS = {
    "凌晨": p.SMALL_HOURS,
    "清晨": p.DAWN,
    "清早": p.DAWN,
    "大清早": p.DAWN,
    "早上": p.MORNING,
    "早晨": p.MORNING,
    "一早": p.MORNING,
    "早": p.MORNING,
    "上午": p.FORENOON,
    "中午": p.NOON,
    "正午": p.NOON,
    "午间": p.NOON,
    "下午": p.AFTERNOON,
    "午后": p.AFTERNOON,
    "傍晚": p.DUSK,
    "晚上": p.EVENING,
    "晚间": p.EVENING,
    "夜晚": p.EVENING,
    "夜间": p.EVENING,
    "晚": p.EVENING,
    "夜里": p.NIGHT,
    "半夜": p.NIGHT,
    "深夜": p.NIGHT,
    "午夜": p.NIGHT,
}
PART = "(?:大?清早|[早晚]上|早晨|一早|[上中下正]午|午[间后夜]|夜[晚间里]|[深半]夜|清晨|凌晨|傍晚)"

_HOUR = f"({NUMBER})(?:点钟?|时)"
# 时间, 时候; 下午一点问题都没有, 一点也不.
_NO_HOUR = "(?![间候常刻代期尚段效差区]|(?<=一点)(?:问题都|[都也儿没]))"
# After a clock a bare number may count what follows: 三点30人开会.
_COUNTS = "[%个人份台次名位元块条页件项年天周家度层楼届级套章集步米岁批组支万千百亿美]|小时|分钟"
_ADVERB = "(?!感谢|抱歉|重要|紧急|开心|满意|高兴|必要|遗憾|期待|欢迎)"
_BARE_MINUTE = "[0-5][0-9]|零[一二三四五六七八九1-9]|[二三四五]?十[一二三四五六七八九]|[二三四五]十"

for _word, _hours in PARTS.items():
    if len(_word) > 1:
        RULES.always(_word, (Part(_hours),))
RULES.always(f"早(?={NUMBER}[点时:])", (Part(p.MORNING),))
RULES.always(f"晚(?={NUMBER}[点时:])", (Part(p.EVENING),))
RULES.always("[中正]午", (Clock(12, 0, hours=p.MIDDAY),))
# Midnight belongs to two days: where that makes a difference, there are two meanings and no answer.
RULES.always("午夜", (Clock(0, 0, hours=p.DAY_BEGINS),), (Clock(0, 0, hours=p.DAY_ENDS),))
RULES.always("[到至-]", (Join.TO,))
RULES.always("[和及与跟、,]|以及|还有", (Join.AND,))
RULES.always("从", (Opening(),))


@RULES.rule(rf"{_HOUR}{_NO_HOUR}(?:整|(半)|([一三13])刻钟?|过?({NUMBER})分(?!钟){_ADVERB})?")
def _clock(match: Match) -> Pieces | None:
    hour = chinese(match[1])
    if match[2]:
        minute: int | None = 30
    elif match[3]:
        minute = 15 if match[3] in "一1" else 45
    else:
        minute = chinese(match[4] or "0")
    return _said(match[1], hour, minute)


@RULES.rule(rf"{_HOUR}({_BARE_MINUTE})(?![0-9.点时:号日月分刻零一二三四五六七八九十]|{_COUNTS})")
def _clock_with_bare_minute(match: Match) -> Pieces | None:
    return _said(match[1], chinese(match[1]), chinese(match[2]))


@RULES.rule(rf"{_HOUR}(?:{_BARE_MINUTE})(?:{_COUNTS})")
def _clock_or_count(_match: Match) -> Pieces:
    return BEYOND


@RULES.rule(rf"差(?:({NUMBER})分钟?|(一)刻钟?)不?到?{_HOUR}{_NO_HOUR}")
def _minutes_to(match: Match) -> Pieces | None:
    return _short_of(match[3], match[1])


@RULES.rule(rf"{_HOUR}差(?:({NUMBER})分钟?|(一)刻钟?)")
def _short_by(match: Match) -> Pieces | None:
    return _short_of(match[1], match[2])


RULES.always("大约|大概|差不多|截至|截止到?|直到|早于|晚于|自从|不要在|除了?", (Hedge(),))
RULES.always(
    f"{_HOUR}(?:多|来钟|上下)"
    "|左右|前后|之前|以前|前(?![往去来台端面锋期程年天]|提(?![交醒供前示]))"
    "|之后|以后|后(?![天年台端续来勤])|之间|期间|为止|以内|之内",
    BEYOND,
)


def _said(word: str, hour: int | None, minute: int | None) -> Pieces | None:
    if hour is None or minute is None:
        return None
    return clock_of(hour, minute, padded=len(word) == 2 and word[0] == "0")


def _short_of(hour_word: str, minute_word: str | None) -> Pieces | None:
    hour, minute = chinese(hour_word), chinese(minute_word or "15")
    if hour is None or minute is None:
        return None
    return (Clock(hour, -minute),) if hour <= 24 and 0 < minute < 60 else BEYOND
