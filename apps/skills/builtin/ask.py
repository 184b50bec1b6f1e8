"""Skill: ask a language model."""

from __future__ import annotations

from typing import Annotated

from apps.im.cards import Card
from apps.skills import ai_label
from apps.skills.base import Context, Param, both, skill

TASK = both(
    "回答下面这个问题。简短、准确；不知道就说不知道，不要编造。\n\n问题：{question}",
    "Answer this question. Be brief and right; say so when you do not know, and invent nothing."
    "\n\nQuestion: {question}",
)


@skill(
    zh="提问",
    aliases=["问", "问一下"],
    summary=both("向语言模型提一个问题。", "Ask a language model a question."),
    examples=[both("/提问 什么是增值税", "/ask what is value added tax")],
    lane="model",
    timeout=120,
    writes=False,
)
def ask(
    ctx: Context,
    question: Annotated[
        str,
        Param(
            label=both("问题", "question"),
            ask=both("想问什么？", "What do you want to ask?"),
            rest=True,
            limit=20_000,
        ),
    ],
) -> Card:
    """Answer from what the model knows."""
    written = ctx.model.write(ctx.say(TASK, question=question))
    return ai_label.card(written, ctx.language)
