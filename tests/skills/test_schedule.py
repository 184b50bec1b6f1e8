"""Schedules: added in words, listed, paused, resumed, removed, and checked before they are kept."""

from __future__ import annotations

import pytest

from apps.im.cards import Card
from apps.skills.base import CannotDo, get
from apps.skills.testing import FakeContext, ask, context

MONDAY = {"cron": "0 9 * * 1", "words": "每周一上午9点"}


def buttons(ctx: FakeContext) -> list[str]:
    """What the buttons of the list say."""
    one = get("schedule")
    assert one is not None
    content = one.run(ctx, {}).content
    assert isinstance(content, Card)
    return [button.cmd for button in content.buttons]


def test_adding_states_what_was_understood() -> None:
    ctx = context()
    said = ask("schedule", ctx, action="add", every=MONDAY, what="/host")
    assert said.splitlines()[0] == "好的，每周一上午9点：/host"
    assert "2026-11-23 09:00" in said
    assert "/schedule remove SCH00001" in said
    (kept,) = ctx.schedules.mine()
    assert (kept.cron, kept.command) == ("0 9 * * 1", "/host")


def test_adding_in_english_and_without_the_word() -> None:
    ctx = context(language="en")
    words = {"cron": "0 9 * * 1", "words": "every Monday at 9am"}
    said = ask("schedule", ctx, every=words, what="/host")
    assert said.splitlines()[0] == "All right, every Monday at 9am: /host"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize(
    "values",
    [
        {"action": "add", "what": "/host"},
        {"action": "add", "what": "明天9点 /host"},
        {"every": MONDAY},
        {"every": MONDAY, "what": "host"},
        {"every": MONDAY, "what": "/nothing"},
        {"every": MONDAY, "what": "/schedule list"},
        {"every": MONDAY, "what": "/定时 每天9点 /host"},
        {"every": MONDAY, "what": "/cleanup"},
        {"action": "pause"},
        {"action": "pause", "what": "NOTHING1"},
        {"action": "resume", "what": "NOTHING1"},
        {"action": "remove", "what": "NOTHING1"},
        {"action": "run", "what": "NOTHING1"},
    ],
)
def test_what_cannot_be_scheduled_is_refused(language: str, values: dict[str, object]) -> None:
    ctx = context(language=language, denied=("skill.cleanup",))
    with pytest.raises(CannotDo):
        ask("schedule", ctx, **values)
    assert ctx.schedules.mine() == []


def test_the_list_and_its_buttons() -> None:
    ctx = context()
    assert "还没有定时" in ask("schedule", ctx)
    ask("schedule", ctx, every=MONDAY, what="/host")
    said = ask("schedule", ctx, action="list")
    for part in ("SCH00001", "每周一上午9点", "/host", "2026-11-23 09:00"):
        assert part in said
    assert buttons(ctx) == ["/schedule pause SCH00001"]


def test_pause_resume_run_and_remove() -> None:
    ctx = context()
    ask("schedule", ctx, every=MONDAY, what="/host")
    ask("schedule", ctx, action="pause", what="sch-00001")
    assert "已暂停" in ask("schedule", ctx)
    assert buttons(ctx) == ["/schedule resume SCH00001"]
    ask("schedule", ctx, action="resume", what="SCH00001")
    assert ctx.schedules.mine()[0].enabled
    ask("schedule", ctx, action="run", what="SCH00001")
    assert ctx.schedules.ran == ["SCH00001"]
    ask("schedule", ctx, action="remove", what="SCH00001")
    assert ctx.schedules.mine() == []
