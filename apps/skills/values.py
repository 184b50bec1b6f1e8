"""One typed word to one value: what may be typed for each kind, and why it was refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from apps.core import numerals, strictjson
from apps.core.i18n import Text, both
from apps.skills.declare import Kind, Parameter
from apps.skills.names import fold, narrow
from apps.skills.times import Clock, FoundTime

_INT = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})", re.ASCII)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)", re.A
)
_YES = frozenset(("yes", "y", "true", "on", "1", "是", "对", "好", "开", "要"))
_NO = frozenset(("no", "n", "false", "off", "0", "否", "不", "不是", "关", "不要"))
_NOW = frozenset(("now", "现在", "马上", "立刻"))
# What may stand round a time in an answer without meaning anything.
_FILLING = re.compile(r"[\s,.!，。！、]|吧|的时候|好了|可以|please|at|on|in|就", re.IGNORECASE)

_WHY: dict[str, Text] = {
    "greater_than": both("要大于 {gt}", "must be more than {gt}"),
    "greater_than_equal": both("不能小于 {ge}", "must be at least {ge}"),
    "less_than": both("要小于 {lt}", "must be less than {lt}"),
    "less_than_equal": both("不能大于 {le}", "must be at most {le}"),
    "multiple_of": both("要是 {multiple_of} 的倍数", "must be a multiple of {multiple_of}"),
    "string_too_short": both(
        "至少 {min_length} 个字", "must have at least {min_length} characters"
    ),
    "string_too_long": both("最多 {max_length} 个字", "must have at most {max_length} characters"),
    "string_pattern_mismatch": both("写法不对", "is not written as expected"),
    "missing": both("没有给出", "is missing"),
}
_ODD = both("这个值不行", "is not a possible value")
_FILE = re.compile(r"([0-9]{1,18})/([0-9]{1,2})", re.ASCII)
_NO_FILE = both("请把文件发给我", "send me the file itself")


class Unfit(ValueError):
    """The text is no value of the parameter; `why` says so to a person."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


def read(parameter: Parameter, text: str, clock: Clock) -> Any:
    """Return the JSON value that `text` means for the parameter. Raises Unfit."""
    return to_json(parameter, _READERS[parameter.kind](parameter, text, clock))


def to_json(parameter: Parameter, value: Any) -> Any:
    """Return the validated value in the form in which it is stored. Raises Unfit."""
    return parameter.adapter.dump_python(to_python(parameter, value), mode="json")


def to_python(parameter: Parameter, value: Any) -> Any:
    """Return the validated value (stored or given by code) as the function wants it.

    Raises Unfit. Numbers are not read from texts here: that is `read`.
    """
    if isinstance(value, str) and len(value) > parameter.limit:
        raise Unfit(_WHY["string_too_long"].format(max_length=parameter.limit))
    if parameter.kind in ("int", "float", "bool", "text"):
        _same_kind(parameter.kind, value)
    try:
        found = parameter.adapter.validate_python(value)
    except ValidationError as error:
        raise Unfit(_reason(error)) from error
    if isinstance(found, datetime) and found.tzinfo is None:
        raise Unfit(both("时间缺少时区", "a time without a zone"))
    return found


def _same_kind(kind: Kind, value: Any) -> None:
    """Pydantic would take "5" and true for 5; a stored value is of its own kind or wrong."""
    if value is None:
        return
    if isinstance(value, bool):
        fits = kind == "bool"
    elif isinstance(value, str):
        fits = kind == "text"
    else:
        fits = isinstance(value, int) if kind == "int" else isinstance(value, int | float)
        fits = fits and kind in ("int", "float")
    if not fits:
        raise Unfit(_ODD)


def _reason(error: ValidationError) -> Text:
    first = error.errors()[0]
    return _WHY.get(first["type"], _ODD).format(**first.get("ctx", {}))


def _text(parameter: Parameter, text: str, clock: Clock) -> str:
    if "\0" in text:
        raise Unfit(both("含有空字符", "contains a NUL"))
    lead = re.match(parameter.lead, text, re.IGNORECASE) if parameter.lead else None
    return text[lead.end() :] if lead else text


def _int(parameter: Parameter, text: str, clock: Clock) -> int:
    digits = narrow(text)
    if _INT.fullmatch(digits):
        return int(digits)
    spoken = numerals.value(text.strip())
    if spoken is None:
        raise Unfit(both("要是一个整数", "must be a whole number"))
    return spoken


def _float(parameter: Parameter, text: str, clock: Clock) -> float:
    digits = narrow(text)
    if not _FLOAT.fullmatch(digits):
        raise Unfit(both("要是一个数", "must be a number"))
    return float(digits)


def _bool(parameter: Parameter, text: str, clock: Clock) -> bool:
    word = fold(text)
    if word not in _YES | _NO:
        raise Unfit(both("请答是或否", "must be yes or no"))
    return word in _YES


def _choice(parameter: Parameter, text: str, clock: Clock) -> Any:
    word = fold(text).strip()
    if word not in parameter.choices:
        shown = ", ".join(parameter.shown_choices)
        raise Unfit(both("只能是：{one}", "must be one of: {one}").format(one=shown))
    return parameter.choices[word]


def _time(parameter: Parameter, text: str, clock: Clock) -> datetime:
    typed = narrow(text).strip()
    if fold(typed) in _NOW:
        return clock.local_now
    if _ISO.fullmatch(typed):
        return _iso(typed, clock)
    found = _whole(text, clock)
    if found is None or found.at is None:
        raise Unfit(both("看不懂这个时间，例如：明天下午三点", "not a time; try: tomorrow at 3pm"))
    return found.at


def _iso(typed: str, clock: Clock) -> datetime:
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError as error:
        raise Unfit(both("没有这个时间", "there is no such time")) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.tz)


def _every(parameter: Parameter, text: str, clock: Clock) -> Any:
    found = _whole(text, clock)
    if found is None or found.every is None:
        why = both(
            "看不懂这个周期，例如：每周一上午9点", "not a repetition; try: every Monday at 9am"
        )
        raise Unfit(why)
    return found.every


def _file(parameter: Parameter, text: str, clock: Clock) -> Any:
    """`12/0`: the first file of message 12, as our own buttons say it. Whose it is, is asked when
    it is opened."""
    named = _FILE.fullmatch(text.strip())
    if named is None:
        raise Unfit(_NO_FILE)
    return {"message": int(named[1]), "index": int(named[2]), "name": ""}


def _json(parameter: Parameter, text: str, clock: Clock) -> Any:
    """What programs write; people are asked for nothing of this kind."""
    try:
        return strictjson.loads(text)
    except strictjson.MalformedJson as error:
        raise Unfit(both("要是 JSON", "must be JSON")) from error


def _whole(text: str, clock: Clock) -> FoundTime | None:
    """The time in `text` when nothing else of weight stands beside it."""
    found = clock.find(text, clock.local_now)
    if found is None:
        return None
    beside = text[: found.start] + text[found.end :]
    return None if _FILLING.sub("", beside) else found


_READERS: dict[Kind, Callable[[Parameter, str, Clock], Any]] = {
    "text": _text,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "choice": _choice,
    "time": _time,
    "every": _every,
    "file": _file,
    "json": _json,
}
