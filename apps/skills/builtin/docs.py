"""Skill: an answer from the company's documents, with the places where it stands."""

from __future__ import annotations

from typing import Annotated

from apps.core.errors import ClawdbotError
from apps.im.cards import Block, Card, Divider, Text
from apps.knowledge import answering, excerpts
from apps.knowledge.answering import Checked
from apps.knowledge.search import Hit, search
from apps.skills import ai_label
from apps.skills.base import Context, Param, Reply, both, skill

NOTHING = both(
    "你能看到的资料里没有找到相关内容。换个说法试试，或请管理员把资料入库。",
    "Nothing about that was found in the documents that you may read. Put it another way, or ask "
    "an administrator to add the document.",
)
NO_ANSWER = both(
    "资料里没有找到答案。最接近的段落：",
    "The documents do not hold the answer. The nearest passages:",
)
FOUND = both("找到这些段落：", "These passages were found:")
AWAY = both("（模型没有回答：{why}）", "(The model did not answer: {why})")
DROPPED = both(
    "（有 {count} 句没有依据，已略去。）",
    "({count} sentences had nothing to stand on and were left out.)",
)
SHOWN = 3


@skill(
    zh="查资料",
    aliases=["知识库", "问资料"],
    summary=both(
        "从公司资料里回答问题，注明文件和页码。",
        "Answer a question from the company's documents, naming file and page.",
    ),
    examples=[
        both("/查资料 年假有多少天？", "/docs How many days of annual leave?"),
    ],
    phrases=[
        both("在资料里查{question}", "search the documents for {question}"),
        both("查一下资料{question}", "look up {question} in the documents"),
    ],
    lane="model",
    timeout=120,
    writes=False,
    outside=True,
)
def docs(
    ctx: Context,
    question: Annotated[
        str,
        Param(
            label=both("问题", "question"),
            rest=True,
            limit=500,
            ask=both("想查什么？", "What are you looking for?"),
        ),
    ],
) -> Reply:
    """Only what the asker may read is looked at; in a group the answer is for the asker alone."""
    hits = search(question, ctx.rights, person_id=ctx.person.pk)
    if not hits:
        return Reply(Card("", "grey", (Text(ctx.say(NOTHING)),)), private=True)
    ctx.check_stop()
    card = _written(ctx, question, hits) if ctx.model.available() else None
    return Reply(card or _passages(ctx, question, hits, ctx.say(FOUND)), private=True)


def _written(ctx: Context, question: str, hits: list[Hit]) -> Card:
    """The model's answer, as far as it stands on the passages that it was given."""
    language = ctx.language
    try:
        written = ctx.model.write(
            answering.task(question, language), material=answering.material(hits, language),
            schema=answering.SCHEMA, max_tokens=answering.MAX_TOKENS,
        )  # fmt: skip
    except ClawdbotError as error:
        away = ctx.say(AWAY, why=error.text(language))
        return _passages(ctx, question, hits, f"{ctx.say(FOUND)}\n{away}")
    found = answering.checked(written.data, hits, question)
    if not found.sentences:
        return _passages(ctx, question, hits, ctx.say(NO_ANSWER))
    lines = [one.cited for one in found.sentences]
    if found.dropped:
        lines.append(ctx.say(DROPPED, count=found.dropped))
    return ai_label.card(
        written, language, blocks=(Text("\n".join(lines)),), sources=_sources(found, hits, language)
    )


def _sources(found: Checked, hits: list[Hit], language: str) -> list[str]:
    numbers = sorted({n for one in found.sentences for n in one.passages})
    return [f"[{n}] {hits[n - 1].cited(language)}" for n in numbers]


def _passages(ctx: Context, question: str, hits: list[Hit], said: str) -> Card:
    """The best passages themselves."""
    blocks: list[Block] = [Text(said)]
    for number, hit in enumerate(hits[:SHOWN], 1):
        shown = excerpts.excerpt(hit.text, question)
        blocks += [Divider(), Text(f"[{number}] {hit.cited(ctx.language)}\n{shown}")]
    return Card("", "blue", tuple(blocks))
