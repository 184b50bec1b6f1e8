"""Asks a language model what a text may mean. It sees the asker's own words and the names of what
the asker may do, proposes, and decides nothing.

At most two calls: the proposal, and one repair when its form was wrong. Whatever fails ends in a
reason, never in an exception: the assistant then offers what it can think of without a model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from apps.assistant import plan_check, tools
from apps.assistant.plan import PLAN, Proposal, Words
from apps.assistant.plan_check import Checked, Refused
from apps.assistant.understand import Asker
from apps.core import strictjson
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.llm import gateway
from apps.llm.shapes import Answer, Ask, Purpose, Turn, system, user
from apps.skills.base import Parameter

log = structlog.get_logger(__name__)
MOST_CALLS = 2
MOST_TOKENS = 24_000
SECONDS = 45.0
LEAST_S = 2.0
ANSWER_TOKENS = 1024

_RULES = """You are the assistant of an office, inside a chat. It is {now} ({zone}).
Answer in {language}. Use a tool when the request asks for something that a tool does; use the tool
`plan` when several are needed, or when one needs what another gives. Take values from the user's
words only: a value that is not there is left out, and the user is asked for it. Nothing runs
because you propose it: it is checked, and what changes anything is confirmed by the user first.
When no tool fits, answer briefly in words. You know nothing of the company's data beyond this
chat: say so instead of guessing."""
_AGAIN = (
    "Your proposal was {proposal}\nIt cannot be used: {problems}\nPropose again, or ask the user."
)

NO_USE = both("模型的回答不能用：{why}", "what the model proposed cannot be used: {why}")
NOTHING = both("模型没有给出回答", "the model gave no answer")
BROKE = both("调用模型时出错", "asking the model failed")
OUT_OF_TIME = both("模型没有及时回答", "the model did not answer in time")


@dataclass(frozen=True, slots=True)
class Proposed:
    """What came of asking. `problem` says in one line why `proposal` is None.

    `missing` is the parameter of a single step that has to be asked for; `near` are the names of
    tools that the model made up; `model` is who answered.
    """

    proposal: Proposal = None
    missing: Parameter | None = None
    problem: Text | None = None
    near: tuple[str, ...] = ()
    model: str = ""


@dataclass
class Budget:
    """What one message may cost: calls, tokens, seconds. Raises `_Over` when it is used up."""

    calls: int = MOST_CALLS
    tokens: int = MOST_TOKENS
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def left(self) -> float:
        """The seconds that are left."""
        return self.seconds - (self.clock() - self.began)

    def take(self) -> float:
        """Use one call; returns how many seconds it may take."""
        if self.calls <= 0 or self.tokens <= 0 or self.left() < LEAST_S:
            raise _Over(OUT_OF_TIME if self.left() < LEAST_S else NOTHING)
        self.calls -= 1
        return self.left()


class _Over(Exception):
    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


def propose(
    words: str,
    asker: Asker,
    history: Sequence[Turn] = (),
    *,
    purpose: Purpose,
    files: Sequence[Mapping[str, Any]] = (),
    budget: Budget | None = None,
    model: str = "",
) -> Proposed:
    """Return what a model takes the asker's own `words` for, checked.

    Nothing that others wrote belongs into `words` or `history`. `files` are the files at hand,
    `model` the alias of the one to ask, "" for the first that the asker may use.
    """
    budget = budget or Budget()
    turns = (system(_rules(asker)), *history, user(words))
    offered = tools.tools_of(plan_check.plannable(asker.rights), words)
    try:
        answer = _call(turns, offered, purpose, budget, model)
        found = _judge(answer, asker, files)
        if isinstance(found, Refused) and not found.unknown:
            again = (*turns, user(_again(answer, found)))
            answer = _call(again, offered, purpose, budget, model)
            found = _judge(answer, asker, files)
    except ClawdbotError as error:
        log.warning("planner.no_answer", code=error.code, detail=error.detail[:300])
        return Proposed(problem=Text(error.text("zh-hans"), error.text("en")))
    except _Over as over:
        return Proposed(problem=over.why)
    except Exception as error:
        # A boundary: whatever breaks here, the asker is answered without a model.
        log.exception("planner.broke", error=type(error).__name__)
        return Proposed(problem=BROKE)
    return _told(found, answer.model)


def _call(
    turns: tuple[Turn, ...],
    offered: Sequence[Any],
    purpose: Purpose,
    budget: Budget,
    model: str,
) -> Answer:
    seconds = budget.take()
    ask = Ask(turns, tuple(offered), max_tokens=ANSWER_TOKENS, timeout=seconds)
    answer = gateway.call(ask, purpose, model)
    budget.tokens -= answer.usage.tokens_in + answer.usage.tokens_out
    return answer


def _judge(
    answer: Answer, asker: Asker, files: Sequence[Mapping[str, Any]]
) -> Checked | Refused | Words | None:
    if answer.calls:
        return plan_check.check(_steps(answer), asker, files)
    text = answer.text.strip()
    return Words(text) if text else None


def _steps(answer: Answer) -> Any:
    """The steps of all calls: a lone `plan` is its steps, anything else is a step itself."""
    if len(answer.calls) == 1 and answer.calls[0].name == PLAN:
        return answer.calls[0].arguments.get("steps")
    return [{"skill": one.name, "parameters": dict(one.arguments)} for one in answer.calls]


def _told(found: Checked | Refused | Words | None, model: str) -> Proposed:
    if isinstance(found, Checked):
        return Proposed(found.plan, missing=found.missing, model=model)
    if isinstance(found, Refused):
        why = NO_USE.format(why=_joined(found.problems))
        return Proposed(problem=why, near=found.unknown, model=model)
    if found is None:
        return Proposed(problem=NOTHING, model=model)
    return Proposed(found, model=model)


def _joined(problems: Sequence[Text]) -> Text:
    return Text("；".join(one.zh for one in problems), "; ".join(one.en for one in problems))


def _again(answer: Answer, refused: Refused) -> str:
    said = [{"tool": one.name, "arguments": dict(one.arguments)} for one in answer.calls]
    return _AGAIN.format(proposal=strictjson.dumps(said), problems=_joined(refused.problems).en)


def _rules(asker: Asker) -> str:
    now = asker.clock.local_now
    language = "English" if asker.language == "en" else "Chinese (简体中文)"
    return _RULES.format(now=f"{now:%A %Y-%m-%d %H:%M}", zone=asker.tz, language=language)
