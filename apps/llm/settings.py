"""The settings of a model: read from words or typed values, all checked before any is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.core import addresses
from apps.core.errors import ClawdbotError
from apps.core.http_errors import Refused
from apps.core.i18n import Text, both
from apps.llm.models import LanguageModel
from apps.llm.registry import get_provider, provider_at, zone_at

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,49}")
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

_NAME = both(
    "名称须是 1 到 50 个字母、数字、点、冒号、横线或下划线，以字母或数字开头",
    "a name has 1 to 50 letters, digits, dots, colons, dashes or underscores, and begins with a "
    "letter or digit",
)
_UNKNOWN = both("不认识的设置：{names}；可用的有：{known}", "unknown: {names}; there are: {known}")
_MISSING = both("缺少 {name}", "{name} is missing")
_URL = both("base_url 不是可用的地址", "base_url is no address that can be called")
_PLAIN = both(
    "base_url 是公网地址，须用 https，否则密钥会明文传输",
    "base_url is a public address and wants https, or the key would travel in clear",
)
_LONG = both("{name} 太长，或含有不可见字符", "{name} is too long, or holds invisible characters")
_NUMBER = both("{name} 应为 {low} 到 {high} 的数", "{name} is a number from {low} to {high}")
_CHOICE = both("{name} 应为 {choices} 之一", "{name} is one of {choices}")
_BOOL = both("{name} 应为 yes 或 no", "{name} is yes or no")
_CURRENCY = both("currency 应为三个大写字母，如 CNY", "currency is three capitals such as CNY")
_JSON = both("quirks 应为一个 JSON 对象", "quirks is a JSON object")
_FALLBACK = both(
    "fallback：没有名为 {name} 的同类模型；现有：{known}",
    "fallback: there is no model {name} of that kind; there are: {known}",
)
_SELF = both("模型不能以自己为后备", "a model cannot fall back to itself")
_UNMASKED = both(
    "只有内网（zone=internal）的模型可以免脱敏", "only an internal model may read without masks"
)


class BadModel(ClawdbotError):
    """The model's settings are not right: {why}."""

    code = "bad_model"
    zh = "模型的设置不正确：{why}。"
    http_status = 400
    permanent = True

    def __init__(self, *problems: Text) -> None:
        """All problems at once."""
        self.problems = problems
        why = Text("；".join(p.zh for p in problems), "; ".join(p.en for p in problems))
        super().__init__(why=why)


class _Wrong(Exception):
    def __init__(self, text: Text) -> None:
        self.text = text


def _text(longest: int) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        found = str(value).strip()
        if len(found) > longest or not found.isprintable():
            raise _Wrong(_LONG.format(name=name))
        return found

    return read


def _number(low: float, high: float, *, whole: bool = False) -> Callable[[str, Any], Any]:
    def read(name: str, value: Any) -> Any:
        if value in (None, ""):
            return None
        try:
            found = int(str(value)) if whole else float(str(value))
        except ValueError:
            found = low - 1
        if not low <= found <= high:
            raise _Wrong(_NUMBER.format(name=name, low=f"{low:g}", high=f"{high:g}"))
        return found

    return read


def _price(name: str, value: Any) -> Decimal:
    try:
        found = Decimal(str(value or 0))
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 <= found < 10_000_000):
        raise _Wrong(_NUMBER.format(name=name, low="0", high="10000000"))
    return found.quantize(Decimal("0.0001"))


def _yes(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() not in _YES:
        raise _Wrong(_BOOL.format(name=name))
    return _YES[str(value).strip().lower()]


def _one_of(choices: list[tuple[str, str]]) -> Callable[[str, Any], str]:
    known = [key for key, _ in choices]

    def read(name: str, value: Any) -> str:
        if value not in known:
            raise _Wrong(_CHOICE.format(name=name, choices=", ".join(known)))
        return str(value)

    return read


def _currency(name: str, value: Any) -> str:
    if not re.fullmatch(r"[A-Z]{3}", str(value)):
        raise _Wrong(_CURRENCY)
    return str(value)


def _quirks(name: str, value: Any) -> dict[str, Any]:
    try:
        found: Any = json.loads(value or "{}") if isinstance(value, str) else value or {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _Wrong(_JSON)
    return found


#: Every setting and how it is read; `api_key` and `fallback` are seen to apart.
READERS: dict[str, Callable[[str, Any], Any]] = {
    "base_url": _text(500),
    "model": _text(200),
    "provider": _text(30),
    "zone": _one_of(LanguageModel.ZONES),
    "kind": _one_of(LanguageModel.KINDS),
    "qps": _number(0.01, 10_000),
    "in_flight": _number(1, 10_000, whole=True),
    "timeout_s": lambda name, value: _number(1, 600, whole=True)(name, value or 60),
    "price_in": _price,
    "price_out": _price,
    "currency": _currency,
    "default": _yes,
    "enabled": _yes,
    "unmasked": _yes,
    "quirks": _quirks,
    "fallback": lambda name, value: value,
    "api_key": _text(1000),
}
#: Other spellings.
ALIASES = {"timeout": "timeout_s"}


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Typed values of settings given as words or typed. Raises `BadModel` with all problems."""
    values: dict[str, Any] = {}
    problems: list[Text] = []
    named = {ALIASES.get(name, name): value for name, value in given.items()}
    if unknown := sorted(named.keys() - READERS.keys()):
        problems.append(_UNKNOWN.format(names=", ".join(unknown), known=", ".join(READERS)))
    for name in named.keys() & READERS.keys():
        try:
            values[name] = READERS[name](name, named[name])
        except _Wrong as wrong:
            problems.append(wrong.text)
    if problems:
        raise BadModel(*problems)
    return values


def complete(row: LanguageModel, values: dict[str, Any]) -> None:
    """Put read values into a row, with what follows from them. Raises `BadModel` and what the
    provider refuses; saves nothing."""
    new = row._state.adding
    if new and not NAME.fullmatch(row.name):
        raise BadModel(_NAME)
    for name in ("base_url", "model"):
        if not values.get(name, "" if new else getattr(row, name)):
            raise BadModel(_MISSING.format(name=name))
    for name, value in values.items():
        if name not in {"fallback", "api_key", "default"}:
            setattr(row, name, value)
    _place(row, values, new=new)
    if "fallback" in values:
        row.fallback = _fallback(row, values["fallback"])
    if row.unmasked and row.zone != "internal":
        raise BadModel(_UNMASKED)


def _place(row: LanguageModel, values: dict[str, Any], *, new: bool) -> None:
    """Whose address it is, and where that stands. What nobody knows counts as abroad."""
    try:
        addresses.parse(row.base_url)
    except Refused as error:
        raise BadModel(_URL) from error
    if new and not values.get("provider"):
        row.provider = provider_at(row.base_url).name
    provider = get_provider(row.provider)
    row.base_url = provider.base(row.base_url)
    guessed = zone_at(row.base_url)
    if new and "zone" not in values:
        row.zone = guessed
    if row.base_url.startswith("http:") and "internal" not in {guessed, row.zone}:
        raise BadModel(_PLAIN)
    provider.quirks_of(row.model, row.quirks)


def _fallback(row: LanguageModel, wanted: Any) -> LanguageModel | None:
    if not wanted:
        return None
    name = wanted.name if isinstance(wanted, LanguageModel) else str(wanted)
    if name == row.name:
        raise BadModel(_SELF)
    others = LanguageModel.objects.filter(kind=row.kind).exclude(name=row.name)
    found = others.filter(name=name).first()
    if found is None:
        known = ", ".join(others.order_by("name").values_list("name", flat=True)) or "-"
        raise BadModel(_FALLBACK.format(name=name, known=known))
    return found
