"""Skill: say a text in another language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from apps.im.cards import Card
from apps.skills import ai_label, material
from apps.skills.base import Attachment, Context, Param, both, skill
from apps.skills.ports import Written

TITLE = both("翻译", "Translation")
LANGUAGES = {
    "en": both("英文", "English"),
    "zh": both("中文", "Chinese"),
    "ja": both("日文", "Japanese"),
    "ko": both("韩文", "Korean"),
    "de": both("德文", "German"),
    "fr": both("法文", "French"),
    "es": both("西班牙文", "Spanish"),
    "ru": both("俄文", "Russian"),
}
WORDS = {code: (name.zh, name.zh.replace("文", "语"), name.en) for code, name in LANGUAGES.items()}
TASK = both(
    "把材料完整翻译成{language}，保留格式、数字和占位符，只输出译文。",
    "Translate the material wholly into {language}. Keep its layout, numbers and placeholders; "
    "give the translation only.",
)


HAN = re.compile("[\u4e00-\u9fff]")


@skill(
    zh="翻译",
    summary=both("把文字或文件译成另一种语言。", "Translate a text or a file."),
    examples=[both("/翻译 日文 明天下午三点开会", "/translate The meeting is at three")],
    lane="model",
    timeout=300,
    writes=False,
    outside=True,
)
def translate(
    ctx: Context,
    to: Annotated[
        Literal["auto", "en", "zh", "ja", "ko", "de", "fr", "es", "ru"],
        Param(label=both("语言", "language"), words=WORDS),
    ] = "auto",
    file: Annotated[Attachment | None, Param(label=both("文件", "file"))] = None,
    text: Annotated[str, Param(label=both("文字", "text"), rest=True)] = "",
) -> Card:
    """Translate it part by part, in order; without a language Chinese becomes English, and
    anything else Chinese."""
    found = material.gather(ctx, text, file)
    task = ctx.say(TASK, language=LANGUAGES[_other(found.parts) if to == "auto" else to])
    done: list[Written] = []
    for part in found.parts:
        ctx.check_stop()
        done.append(ctx.model.write(task, material=[part], max_tokens=4096))
    whole = Written(
        "\n".join(one.text for one in done), model=done[-1].model, cut=any(o.cut for o in done)
    )
    return ai_label.card(whole, ctx.language, title=ctx.say(TITLE), sources=found.sources)


def _other(parts: Sequence[str]) -> str:
    """A word of Chinese has one or two characters, one of English about six letters with the space
    behind it: a text with one Chinese character among seven others is half Chinese."""
    text = "".join(parts)
    return "en" if len(HAN.findall(text)) * 8 > len(text) else "zh"
