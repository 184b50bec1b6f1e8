"""From typed arguments, or JSON of a model or program, to stored parameters, and on to the call.

`bind` reads what a person typed, `check` what came as JSON, `fill` the answer to a question,
`fill_form` a form that was sent; all end in `Bound`, `Missing` or `Invalid`. `call_values` turns
what is stored into Python values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.skills.declare import Parameter
from apps.skills.names import fold
from apps.skills.times import Clock
from apps.skills.values import Unfit, read, to_json, to_python

if TYPE_CHECKING:
    from apps.skills.context import Context, Reply

#: Longer than this, nobody's reminder: the time is not looked for in a whole document.
MAX_TIMED = 2000


@dataclass(frozen=True, slots=True)
class Word:
    """One word as typed: its text without quotes, and where its raw form begins in the tail.

    `key` and `value` are set for `k=v`; `option` (and `value`) for `--k` and `--k=v`.
    """

    text: str
    start: int
    key: str = ""
    option: str = ""
    value: str | None = None
    broken: bool = False  # a quote was opened and never closed


@dataclass(frozen=True, slots=True)
class Arguments:
    """What stands after a command's name: its words, and the same as one exact text.

    `words` are read one by one and only as far as they are needed, so they may come from a
    generator: what belongs to a free text is never split.
    """

    words: Iterable[Word] = ()
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """Everything needed is there; `values` is JSON."""

    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Missing:
    """One more answer is needed; `values` holds what is known so far."""

    parameter: Parameter
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def question(self) -> Text:
        """What to ask the person."""
        return self.parameter.question


@dataclass(frozen=True, slots=True)
class Invalid:
    """It cannot be understood; `why` is a sentence for the person."""

    why: Text
    parameter: Parameter | None = None


Result = Bound | Missing | Invalid

UNCLOSED = both("引号没有成对：{text}", "A quote is not closed: {text}")
_TOO_MANY = both("多出的内容：{text}", "Too much: {text}")
_UNKNOWN = both("没有这个参数：{name}", "There is no parameter {name}")
_NO_VALUE = both("--{name} 后面缺少值", "--{name} needs a value")
_NOT_KNOWN = both("没有这个参数", "there is no such parameter")
_MISSING = both("没有给出", "is missing")
_WRONG = both("{label}：{why}", "{label}: {why}")


class _Problem(Exception):
    """Carries an Invalid out of the reading."""

    def __init__(self, why: Text, parameter: Parameter | None = None) -> None:
        super().__init__(why.en)
        self.invalid = Invalid(why, parameter)


def bind(
    parameters: Sequence[Parameter], arguments: Arguments, clock: Clock, *, attended: bool = True
) -> Result:
    """Return the parameters that the arguments mean.

    `attended`: somebody is there to answer questions (a schedule has nobody).
    """
    reader = _Reader(parameters, arguments, clock)
    try:
        reader.run()
    except _Problem as problem:
        return problem.invalid
    return finish(parameters, reader.values, attended=attended)


def check(
    parameters: Sequence[Parameter], given: Mapping[str, Any], *, attended: bool = True
) -> Result:
    """Return the parameters of a JSON object, as a model or a program proposes them."""
    by_name = {p.name: p for p in parameters}
    unknown = next((name for name in given if name not in by_name), None)
    if unknown is not None:
        return Invalid(_UNKNOWN.format(name=unknown))
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            values[name] = to_json(by_name[name], value)
        except Unfit as unfit:
            return _unfit(by_name[name], unfit).invalid
    return finish(parameters, values, attended=attended)


def read_named(
    parameters: Sequence[Parameter],
    texts: Mapping[str, str],
    clock: Clock,
    *,
    attended: bool = True,
) -> Result:
    """Return the parameters whose texts a phrase named."""
    by_name = {p.name: p for p in parameters}
    values: dict[str, Any] = {}
    try:
        for name, text in texts.items():
            _store(by_name[name], values, text.strip(), clock)
    except _Problem as problem:
        return problem.invalid
    return finish(parameters, values, attended=attended)


def fill(
    parameters: Sequence[Parameter], values: Mapping[str, Any], name: str, text: str, clock: Clock
) -> Result:
    """Return the parameters after the person answered the question about `name` with `text`."""
    parameter = next((p for p in parameters if p.name == name), None)
    if parameter is None:  # the skill was changed while its question was open
        return Invalid(_UNKNOWN.format(name=name))
    known = dict(values)
    try:
        rest = parameter if parameter.rest else _rest_wanted(parameters, known, parameter)
        if rest:
            text = _take_found(parameters, known, text.strip(), clock)
        if rest and (parameter.rest or parameter.name in known):
            _store(rest, known, text, clock)
        else:
            _store(parameter, known, text, clock)
    except _Problem as problem:
        return problem.invalid
    return finish(parameters, known)


def fill_form(
    parameters: Sequence[Parameter],
    values: Mapping[str, Any],
    texts: Mapping[str, str],
    clock: Clock,
) -> Result:
    """Return the parameters after the person filled a form with these texts, each read as typed."""
    known = dict(values)
    try:
        for parameter in parameters:
            if parameter.name in texts:
                _store(parameter, known, texts[parameter.name].strip(), clock)
    except _Problem as problem:
        return problem.invalid
    return finish(parameters, known)


def _rest_wanted(
    parameters: Sequence[Parameter], known: Mapping[str, Any], asked: Parameter
) -> Parameter | None:
    """The free text that is still missing when a time is asked for: both may come in one answer."""
    if not asked.found:
        return None
    return next((p for p in parameters if p.rest and p.name not in known), None)


def finish(
    parameters: Sequence[Parameter], values: dict[str, Any], *, attended: bool = True
) -> Result:
    """Return what is still missing, in the order of declaration, or that nothing is."""
    for parameter in parameters:
        wanted = parameter.asked if attended else parameter.required
        if wanted and parameter.name not in values:
            return Missing(parameter, values)
    return Bound(values)


class BadParameters(ClawdbotError):
    """{label}: {why}"""

    code: ClassVar[str] = "bad_parameters"
    zh: ClassVar[str] = "{label}：{why}"
    http_status: ClassVar[int] = 400
    permanent: ClassVar[bool] = True


def call_values(parameters: Sequence[Parameter], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Python values of stored parameters, for the call.

    Raises BadParameters when they do not fit the skill (any more).
    """
    by_name = {p.name: p for p in parameters}
    needed = [p.name for p in parameters if p.required and p.name not in stored]
    for name in [*needed, *(name for name in stored if name not in by_name)]:
        why = _MISSING if name in by_name else _NOT_KNOWN
        raise BadParameters(label=name, why=why)
    values: dict[str, Any] = {}
    for name, value in stored.items():
        try:
            values[name] = to_python(by_name[name], value)
        except Unfit as unfit:
            raise BadParameters(label=by_name[name].label, why=unfit.why) from unfit
    return values


class Callee(Protocol):
    """A skill as far as running it goes."""

    def run(self, context: Context, stored: Mapping[str, Any]) -> Reply:
        """Call the function with stored parameters."""
        ...


def call(skill: Callee, context: Context, stored: Mapping[str, Any]) -> Reply:
    """Run a skill with stored parameters. Raises BadParameters when they do not fit."""
    return skill.run(context, stored)


class _Reader:
    """Walks once over the words; what is left when the words of their own are done is the rest."""

    def __init__(self, parameters: Sequence[Parameter], arguments: Arguments, clock: Clock) -> None:
        self.parameters, self.tail, self.clock = parameters, arguments.tail, clock
        self.words = iter(arguments.words)
        self.rest = next((p for p in parameters if p.rest), None)
        own = [p for p in parameters if not p.rest]
        self.named = {fold(label): p for p in own for label in (p.label.zh, p.label.en)}
        self.named |= {fold(p.name): p for p in own}
        self.open = [p for p in own if not p.found and p.kind != "file"]
        self.values: dict[str, Any] = {}

    def run(self) -> None:
        for word in self.words:
            if not self.take(word):
                self.take_rest(word)
                return

    def take(self, word: Word) -> bool:
        """Use one word (an option may use the next, too); False when the rest begins here."""
        if word.option:
            return self.take_option(word)
        parameter = self.named.get(fold(word.key)) if word.key else None
        if parameter and parameter.name not in self.values:
            self.keep(parameter, word.value or "", word)
            return True
        return self.take_next(word)

    def take_option(self, word: Word) -> bool:
        parameter = self.named.get(fold(word.option).replace("-", "_"))
        if parameter is None:
            if self.rest:
                return False
            raise _Problem(_UNKNOWN.format(name=f"--{word.option}"))
        value = word.value
        if value is None:
            value = "yes" if parameter.kind == "bool" else self.next_text(word.option)
        self.keep(parameter, value, word)
        return True

    def next_text(self, option: str) -> str:
        word = next(self.words, None)
        if word is None or word.option:
            raise _Problem(_NO_VALUE.format(name=option))
        _check_closed(word)
        return word.text

    def take_next(self, word: Word) -> bool:
        """Give the word to the next parameter that has none; False when none is left."""
        while self.open:
            parameter = self.open.pop(0)
            if parameter.name in self.values:
                continue
            try:
                self.keep(parameter, word.text, word)
            except _Problem:
                # An optional word before a free text may simply not be there.
                if self.rest is None or parameter.required:
                    raise
                continue
            return True
        if self.rest:
            return False
        raise _Problem(_TOO_MANY.format(text=word.text[:40]))

    def keep(self, parameter: Parameter, text: str, word: Word) -> None:
        _check_closed(word)
        _store(parameter, self.values, text, self.clock)

    def take_rest(self, word: Word) -> None:
        text = _take_found(self.parameters, self.values, self.tail[word.start :], self.clock)
        if self.rest:
            _store(self.rest, self.values, text, self.clock)


def _check_closed(word: Word) -> None:
    if word.broken:
        raise _Problem(UNCLOSED.format(text=word.text[:40]))


def _store(parameter: Parameter, values: dict[str, Any], text: str, clock: Clock) -> None:
    """Keep the value of a typed text; nothing typed is nothing given, not an empty text."""
    if parameter.asked and not text.strip():
        return
    try:
        values[parameter.name] = read(parameter, text, clock)
    except Unfit as unfit:
        raise _unfit(parameter, unfit) from unfit


def _unfit(parameter: Parameter, unfit: Unfit) -> _Problem:
    return _Problem(_WRONG.format(label=parameter.label, why=unfit.why), parameter)


def _take_found(
    parameters: Sequence[Parameter], values: dict[str, Any], text: str, clock: Clock
) -> str:
    """Move the time phrase of a free text into its parameter; return the text without it."""
    wanted = {p.kind: p for p in parameters if p.found and p.name not in values}
    if not wanted or not text or len(text) > MAX_TIMED:
        return text
    found = clock.find(text, clock.local_now)
    parameter = wanted.get("time" if found and found.at else "every")
    if found is None or parameter is None:
        return text
    values[parameter.name] = to_json(parameter, found.at or found.every)
    return without(text, found.start, found.end)


def without(text: str, start: int, end: int) -> str:
    """Return `text` without `text[start:end]` and the blanks and commas that held it."""
    left, right = text[:start].rstrip(" ,，、"), text[end:].lstrip(" ,，、:：")
    glue = " " if left and right and (left[-1].isascii() or right[0].isascii()) else ""
    return f"{left}{glue}{right}".strip()
