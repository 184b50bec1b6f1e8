"""Skill: the language in which a person is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from apps.core.i18n import Text
from apps.im.cards import Button, Card
from apps.im.cards import Text as Paragraph
from apps.skills.base import Context, Param, both, skill

CODES = {"zh": "zh-hans", "en": "en"}
DONE = both("好的，以后用中文回答你。", "All right, I will answer you in English.")
NOW = both("现在用中文回答你。", "I answer you in English now.")


@skill(
    zh="语言",
    aliases=["language"],
    summary=both("选择用中文还是英文回答你。", "Choose Chinese or English for my answers."),
    examples=[both("/语言 英文", "/lang zh")],
    phrases=[both("请说{code}", "speak {code}"), both("用{code}回答", "answer in {code}")],
    quick=True,
    lane="interactive",
)
def lang(
    ctx: Context,
    code: Annotated[
        Literal["zh", "en"] | None,
        Param(
            label=both("语言", "language"),
            words={
                "zh": ["zh-hans", "zh-cn", "cn", "chinese", "中文", "汉语", "简体中文"],
                "en": ["en-us", "en-gb", "english", "英文", "英语"],
            },
        ),
    ] = None,
) -> Text | Card | str:
    """Keep the person's language, and say so in it; without a code offer both."""
    if code is None:
        buttons = (
            Button("中文", "/lang zh", once=False),
            Button("English", "/lang en", once=False),
        )
        return Card("", "blue", (Paragraph(ctx.say(NOW)),), buttons)
    ctx.people.set_language(CODES[code])
    return DONE.in_(code)
