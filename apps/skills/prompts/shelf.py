"""The enabled prompts as skills: a text goes in, what a model makes of it comes out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from apps.core.i18n import Text, both
from apps.im import cards
from apps.im.cards import Card
from apps.skills import ai_label, material
from apps.skills.base import Skill
from apps.skills.context import CannotDo, Context
from apps.skills.declare import Parameter
from apps.skills.files import Attachment
from apps.skills.models import PromptSkill
from apps.skills.names import visible

MAX_TOKENS = 2048
TIMEOUT_S = 180
OFF = both("这个技能已停用，或在等重新审核。", "This skill is off, or waits for a new review.")
_TEXT = Parameter(
    name="text",
    kind="text",
    hint=str,
    label=both("内容", "text"),
    question=both("要处理什么内容？请发给我。", "What is it about? Send me the text."),
    required=False,
    asked=False,
    default="",
    rest=True,
)
_FILE = Parameter(
    name="file",
    kind="file",
    hint=Attachment | None,
    label=both("文件", "file"),
    question=both("请把文件发给我。", "Send me the file."),
    required=False,
    asked=False,
)


def skills() -> Iterator[Skill]:
    """Every prompt that was reviewed."""
    for row in PromptSkill.objects.filter(state="enabled").order_by("skill_name"):
        yield skill_of(row)


def skill_of(row: PromptSkill) -> Skill:
    """A prompt as a skill: it writes nothing, and what it says is a model's."""
    said = " ".join(visible(row.description).split())
    summary = said if len(said) <= 200 else said[:199] + "…"
    return Skill(
        name=row.skill_name,
        zh=row.skill_name,
        aliases=(row.name,) if row.name != row.skill_name else (),
        summary=Text(summary, summary),
        examples=(Text(f"/{row.skill_name} …", f"/{row.skill_name} …"),),
        phrases=(),
        parameters=(_FILE, _TEXT),
        call=partial(run, row.pk, row.sha256),
        takes_context=True,
        module=__name__,
        qualname=row.skill_name,
        lane="model",
        timeout=TIMEOUT_S,
        writes=False,
        outside=True,  # it reads what is attached and quoted, whoever wrote that
        family="prompt",
        version=row.sha256,
    )


def run(
    row_id: int, sha256: str, ctx: Context, file: Attachment | None = None, text: str = ""
) -> Card:
    """Let the asker's model do what the reviewed body says with a text or a file.

    Raises `CannotDo` when it is not what was reviewed, and what asking a model raises.
    """
    row = PromptSkill.objects.filter(pk=row_id, state="enabled", sha256=sha256).first()
    if row is None:
        raise CannotDo(OFF)
    references = [f"{path}:\n{content}" for path, content in row.references.items()]
    found = material.gather(ctx, text, file)
    parts = [*references, *found.parts]
    written = ctx.model.write(row.body, material=parts, max_tokens=MAX_TOKENS)
    shown = cards.Text(written.text, markdown=True)
    return ai_label.card(written, ctx.language, blocks=[shown], sources=found.sources)
