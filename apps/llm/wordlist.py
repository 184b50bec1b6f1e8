"""The company's words that must not leave, or must not be answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from apps.accounts.models import Person
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.masking import Finder, Span, fold
from apps.llm import own_patterns
from apps.llm.models import LanguageModel
from apps.llm.privacy_errors import Listed, ListedAnswer, ListedQuestion, MustNotLeave
from apps.llm.privacy_models import ListedWord
from apps.llm.shapes import Answer, Ask, Purpose, texts_in
from apps.llm.word_matching import Words, entry, words

#: `Purpose.why` of questions that other systems put together, with all that was said before.
FOREIGN = "api"


class Censor:
    """Watches a stream of restored text for words that must not be answered.

    The same is found however the stream is cut; without such a list nothing is held back.
    """

    def __init__(self, listed: Words | None, refuse: Callable[[int], Exception]) -> None:
        """`refuse` makes the error from the key of the entry that was met."""
        self._words = listed
        self._refuse = refuse
        self._held = ""
        self._context = ""

    @property
    def watching(self) -> bool:
        """Is there anything to look for? Without, it neither holds text back nor reads rows."""
        return self._words is not None

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be shown by now. Raises `ListedAnswer`."""
        if self._words is None:
            return text
        self._held += text
        self._look(whole=False)
        cut = max(0, len(self._held) - self._words.longest - 1)
        shown, self._held = self._held[:cut], self._held[cut:]
        self._context = shown[-1:] or self._context
        return shown

    def end(self) -> str:
        """The stream is over: return what was held back. Raises `ListedAnswer`."""
        self._look(whole=True)
        held, self._held = self._held, ""
        return held

    def _look(self, *, whole: bool) -> None:
        if self._words is None or not self._held:
            return
        folded = fold(self._context + self._held)
        # Whatever begins before what is held was looked at before it was shown.
        for place in self._words.spans(folded, len(self._context)):
            # At the very end a longer word may still come: AI, then d.
            if whole or place[1] < len(folded):
                raise self._refuse(self._words.named(folded, place))


def check_ask(row: LanguageModel, ask: Ask, purpose: Purpose) -> None:
    """Raise `ListedQuestion` or `MustNotLeave`; audited with the word's id, never its text."""
    # What another system sends as earlier talk was never looked at here.
    asked = _said(ask) if purpose.why == FOREIGN else _new(ask)
    held = _first("answer", asked)
    if held is not None:
        raise _refused(ListedQuestion, held, purpose, row)
    held = leaving(row, ask)
    if held is not None:
        raise _refused(MustNotLeave, held, purpose, row)


def leaving(row: LanguageModel, ask: Ask) -> int | None:
    """The list entry for which a question must not go to a model outside, None for none."""
    return None if row.zone == "internal" else _first("leave_refuse", _said(ask))


def check_answer(answer: Answer, purpose: Purpose) -> None:
    """Raise `ListedAnswer` when a (restored) answer holds a word that must not be answered."""
    said = [answer.text, answer.reasoning, *texts_in(answer.data)]
    for call in answer.calls:
        said += texts_in(dict(call.arguments))
    held = _first("answer", said)
    if held is not None:
        raise _refused(ListedAnswer, held, purpose)


def censor(purpose: Purpose) -> Censor:
    """A watcher of one stream, to be put behind `Veiled.streamer()`."""
    return Censor(_words("answer"), lambda key: _refused(ListedAnswer, key, purpose))


def holding(text: str) -> list[int]:
    """The list entries that would keep a text from a model outside."""
    found = (_first(rule, [text]) for rule in ("answer", "leave_refuse"))
    return [key for key in found if key is not None]


def finders() -> list[tuple[str, Finder]]:
    """What masks the words that may leave only as placeholders."""
    listed = _words("leave_mask")
    if listed is None:
        return []
    found = listed

    def find(folded: str) -> Iterator[Span]:
        return (Span(start, end, own_patterns.WORD) for start, end in found.spans(folded))

    return [(own_patterns.WORD, find)]


def _words(rule: str) -> Words | None:
    rows = ListedWord.objects.filter(enabled=True, rule=rule).order_by("pk")
    found = tuple(
        entry(key, word, is_pattern=is_pattern)
        for key, word, is_pattern in rows.values_list("pk", "word", "is_pattern")
    )
    return words(found) if found else None


def _first(rule: str, said: Iterable[str]) -> int | None:
    listed = _words(rule)
    if listed is None:
        return None
    return next((key for key in map(listed.first, said) if key is not None), None)


def _new(ask: Ask) -> list[str]:
    """What was asked since the model spoke last; what came before was looked at then."""
    said: list[str] = []
    for turn in reversed(ask.turns):
        if turn.role == "assistant":
            break
        if turn.role == "user":
            said.append(turn.text)
    return said


def _said(ask: Ask) -> Iterator[str]:
    for turn in ask.turns:
        yield turn.text
        for call in turn.calls:
            yield from texts_in(dict(call.arguments))
        yield from texts_in(turn.raw)
    for tool in ask.tools:
        yield tool.description
        yield from texts_in(tool.schema)
    yield from texts_in(ask.schema)


def _refused(
    error: type[Listed], key: int, purpose: Purpose, row: LanguageModel | None = None
) -> Listed:
    model = row.name if row is not None else ""
    audit.record(
        "model.word_refused", actor=actor_of(purpose), obj=("listed_word", key, f"#{key}"),
        outcome="refused", trace_id=purpose.trace_id,
        data={"code": error.code, "why": purpose.why, "model": model, "job": purpose.job},
    )  # fmt: skip
    return error(entry=key, model=model)


def actor_of(purpose: Purpose) -> Actor:
    """For whom a question is asked, as the audit names them."""
    person = Person.objects.filter(pk=purpose.person_id).first() if purpose.person_id else None
    return Actor.system("model") if person is None else Actor.person(person)
