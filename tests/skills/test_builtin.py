"""Every built-in skill, in both languages, through ports that are kept in memory."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.core.i18n import Text
from apps.im.cards import Card
from apps.skills.base import CannotDo, Skill, get, registry
from apps.skills.testing import (
    NOW,
    FakeCheck,
    FakeContext,
    FakeFiles,
    FakeModel,
    ask,
    context,
    sent,
)

LANGUAGES = ["zh-hans", "en"]


def has_chinese(text: str) -> bool:
    """Whether there is a Chinese letter in it."""
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


@pytest.fixture(params=LANGUAGES)
def ctx(request: pytest.FixtureRequest) -> FakeContext:
    """Alice's context, once in each language."""
    return context(language=request.param)


def pick(ctx: FakeContext, zh: str, en: str) -> str:
    """The sentence that is expected in this context's language."""
    return Text(zh, en).in_(ctx.language)


def card_of(ctx: FakeContext, name: str, /, **values: object) -> Card:
    """The card that a skill answers with."""
    one = get(name)
    assert one is not None
    reply = one.run(ctx, values)
    assert isinstance(reply.content, Card)
    return reply.content


def shown() -> dict[str, Skill]:
    """What people find in help."""
    return {name: one for name, one in registry().items() if not one.hidden}


def test_every_skill_speaks_both_languages() -> None:
    needed = {"number": "TASK0001", "code": "K7M3Q9", "text": "x", "file": sent()}
    needed |= {"question": "x", "to": "en", "kind": "mail", "about": "x", "columns": "a"}
    for name, one in shown().items():
        if name in ("learn", "docs"):  # these need the database: tests/knowledge
            continue
        values = {p.name: needed[p.name] for p in one.parameters if p.required}
        said = {}
        for language in LANGUAGES:
            ctx = context(language=language, files=FakeFiles([("a.txt", b"hello")]))
            ctx.model.data = {"rows": [{"a": "x"}], "title": "x"}
            ctx.jobs.add("host")
            ctx.approvals.waiting.add("K7M3Q9")
            if name == "retry":
                ctx.jobs.jobs.clear()
                ctx.jobs.add("host", "succeeded")
            said[language] = ask(name, ctx, **values)
        if name not in ("ping", "echo"):
            assert has_chinese(said["zh-hans"]), name
            assert not has_chinese(said["en"].replace("中文", "")), (name, said["en"])


def test_ping(ctx: FakeContext) -> None:
    assert ask("ping", ctx) == "pong"


def test_echo_says_it_letter_by_letter(ctx: FakeContext) -> None:
    assert ask("echo", ctx, text=" a  b\n<b>①") == " a  b\n<b>①"


def test_help_shows_only_what_is_permitted(ctx: FakeContext) -> None:
    few = context(language=ctx.language, allowed=("skill.ping", "skill.help"))
    said = ask("help", few)
    assert "/ping" in said
    assert "/help" in said
    assert "/host" not in said
    assert "/cleanup" not in said
    assert "/ask" not in ask("help", context(language=ctx.language, model=FakeModel(there=False)))
    everything = ask("help", ctx)
    for name, one in shown().items():
        assert f"/{name}" in everything
        assert one.examples[0].in_(ctx.language) in everything


def test_help_obeys_a_denial(ctx: FakeContext) -> None:
    said = ask("help", context(language=ctx.language, denied=("skill.host",)))
    assert "/host" not in said


def test_help_without_rights_says_so(ctx: FakeContext) -> None:
    said = ask("help", context(language=ctx.language, allowed=()))
    assert pick(ctx, "没有任何权限", "no rights yet") in said


@pytest.mark.parametrize("name", ["remind", "/remind", "提醒", "／提醒"])
def test_help_about_one(ctx: FakeContext, name: str) -> None:
    card = card_of(ctx, "help", name=name)
    said = ask("help", ctx, name=name)
    assert card.title == pick(ctx, "/remind（提醒）", "/remind")
    assert pick(ctx, "到时候提醒你一件事。", "Remind you of something at a time.") in said
    assert pick(ctx, "时间（时间）: 必填", "time (time): needed") in said
    assert card.buttons[0].cmd == pick(
        ctx, "/提醒 20分钟后 交周报", "/remind in 20 minutes send the report"
    )


def test_help_does_not_tell_what_exists_beyond_ones_rights(ctx: FakeContext) -> None:
    few = context(language=ctx.language, allowed=("skill.help",))
    with pytest.raises(CannotDo) as forbidden:
        ask("help", few, name="host")
    with pytest.raises(CannotDo) as unknown:
        ask("help", few, name="none")
    assert forbidden.value.text(ctx.language).replace("host", "none") == unknown.value.text(
        ctx.language
    )


def test_whoami_is_for_the_asker_alone(ctx: FakeContext) -> None:
    one = get("whoami")
    assert one is not None
    assert one.run(ctx, {}).private
    said = ask("whoami", ctx)
    for part in ("Alice", "alice", "member", "feishu:main:ou_alice"):
        assert part in said
    assert pick(ctx, "中文", "English") in said


def test_status_when_all_is_well(ctx: FakeContext) -> None:
    ctx.system.lanes = {"normal": 3, "batch": 0}
    ctx.jobs.add("host", "running")
    ctx.jobs.add("host", "succeeded")
    card = card_of(ctx, "status")
    said = ask("status", ctx)
    assert card.title == pick(ctx, "一切正常", "Everything works")
    assert card.color == "green"
    assert "normal 3" in said
    assert "batch" not in said
    assert pick(ctx, "1 个未完成", "1 open") in said


def test_status_when_something_is_wrong(ctx: FakeContext) -> None:
    ctx.system.checks.append(FakeCheck("beat", ok=False))
    ctx.system.checks.append(FakeCheck("disk", ok=False, detail=Text("满了", "full")))
    card = card_of(ctx, "status")
    assert card.color == "red"
    assert card.title == pick(ctx, "有 2 项不正常", "2 not right")
    said = ask("status", ctx)
    assert pick(ctx, "beat: 不正常\n", "beat: wrong\n") in said
    assert pick(ctx, "disk: 不正常：满了", "disk: wrong: full") in said


def test_tasks_lists_newest_first_with_cancel_buttons(ctx: FakeContext) -> None:
    ctx.jobs.add("host", "succeeded")
    ctx.jobs.add("remind", "waiting", text="开会\nmore")
    said = ask("tasks", ctx)
    assert said.index("TASK0002") < said.index("TASK0001")
    assert "2026-11-22 10:00" in said
    assert "开会 more" in said
    assert [b.cmd for b in card_of(ctx, "tasks").buttons] == ["/cancel TASK0002"]
    assert "TASK0001" not in ask("tasks", ctx, which="open")


def test_tasks_shows_more_when_asked_for_all(ctx: FakeContext) -> None:
    for _ in range(15):
        ctx.jobs.add("host", "succeeded")
    assert ask("tasks", ctx).count("TASK00") == 10
    assert ask("tasks", ctx, which="all").count("TASK00") == 15


def test_no_tasks(ctx: FakeContext) -> None:
    assert pick(ctx, "没有任务。", "No jobs.") in ask("tasks", ctx)


def test_task_in_detail(ctx: FakeContext) -> None:
    ctx.jobs.add("host", "succeeded", text="all is well")
    card = card_of(ctx, "task", number="task-ooo 1")  # as people copy it by eye
    said = ask("task", ctx, number="TASK0001")
    assert card.color == "green"
    assert [b.cmd for b in card.buttons] == ["/retry TASK0001"]
    assert "all is well" in said
    assert pick(ctx, "状态: 已完成", "State: done") in said


def test_an_open_task_can_be_cancelled_from_its_card(ctx: FakeContext) -> None:
    ctx.jobs.add("host", "running")
    assert [b.cmd for b in card_of(ctx, "task", number="TASK0001").buttons] == ["/cancel TASK0001"]


@pytest.mark.parametrize("name", ["task", "cancel", "retry"])
def test_a_job_that_is_not_there(ctx: FakeContext, name: str) -> None:
    with pytest.raises(CannotDo) as raised:
        ask(name, ctx, number="NOTHING1")
    assert raised.value.text(ctx.language)


def test_cancel_and_retry(ctx: FakeContext) -> None:
    ctx.jobs.add("host", "running")
    assert "TASK0001" in ask("cancel", ctx, number=" task0001 ")
    assert ctx.jobs.jobs[0].state == "cancelled"
    assert "TASK0002" in ask("retry", ctx, number="TASK0001")
    assert ctx.jobs.jobs[0].state == "waiting"


@pytest.mark.parametrize(("name", "decision"), [("approve", True), ("deny", False)])
def test_decisions(ctx: FakeContext, name: str, decision: bool) -> None:
    ctx.approvals.waiting.add("K7M3Q9")
    ask(name, ctx, code="k7m3-q9")
    assert ctx.approvals.decided == {"K7M3Q9": decision}
    with pytest.raises(CannotDo):
        ask(name, ctx, code="K7M3Q9")


def test_usage_is_for_the_asker_alone(ctx: FakeContext) -> None:
    one = get("usage")
    assert one is not None
    assert one.run(ctx, {}).private
    ctx.jobs.add("host", "failed")
    said = ask("usage", ctx)
    assert pick(ctx, "今天: 3 条消息，1 个任务", "Today: messages: 3, jobs: 1") in said
    assert pick(ctx, "失败 1", "failed 1") in said


def test_new(ctx: FakeContext) -> None:
    said = ask("new", ctx)
    assert said == pick(ctx, "好的，我们重新开始。", "All right, a fresh start.")
    assert ctx.conversation.fresh == 1


def test_lang_answers_in_the_language_that_was_chosen(ctx: FakeContext) -> None:
    assert ask("lang", ctx, code="en") == "All right, I will answer you in English."
    assert ctx.people.language == "en"
    assert ask("lang", ctx, code="zh") == "好的，以后用中文回答你。"
    assert ctx.people.language == "zh-hans"


def test_lang_without_a_choice_offers_both(ctx: FakeContext) -> None:
    assert [b.cmd for b in card_of(ctx, "lang").buttons] == ["/lang zh", "/lang en"]
    assert ctx.people.language == ""


def test_host_measures_this_machine(ctx: FakeContext) -> None:
    said = ask("host", ctx)
    for name in (("处理器", "Processors"), ("内存", "Memory"), ("数据盘", "Data disk")):
        assert pick(ctx, *name) in said
    assert "GiB" in said


def test_cleanup_says_what_went(ctx: FakeContext) -> None:
    ctx.system.removed = {"messages": 12, "files": 3}
    said = ask("cleanup", ctx)
    assert "messages: 12" in said
    assert "files: 3" in said
    assert len(ctx.said) == 1
    ctx.system.removed = {"messages": 0}
    assert pick(ctx, "没有要清理的。", "There was nothing to remove.") in ask("cleanup", ctx)


def test_times_are_shown_on_the_askers_clock() -> None:
    from zoneinfo import ZoneInfo

    ctx = context(tz=ZoneInfo("Europe/London"), now=NOW + timedelta(hours=1))
    ctx.jobs.add("host", "succeeded")
    assert "2026-11-22 03:00" in ask("task", ctx, number="TASK0001")
