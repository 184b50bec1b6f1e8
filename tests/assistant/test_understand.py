"""What texts are taken for, stage by stage, with the real reader of times."""

from __future__ import annotations

import json
import timeit
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.assistant.understand import Asker, Understood, understand
from apps.skills.base import Context, get, registry, skill
from apps.skills.testing import NOW, SHANGHAI, FakeRights, ask, context, declared

ALICE = Asker(1, FakeRights(), "zh-hans", NOW, SHANGHAI)  # Sunday 2026-11-22, 10:00
BOB = replace(ALICE, rights=FakeRights(("skill.*",), ("skill.host", "skill.cleanup")))
CAROL = replace(ALICE, rights=FakeRights(()))


def meant(text: str, asker: Asker = ALICE) -> tuple[str, str | None, dict[str, Any]]:
    """Stage, skill and parameters."""
    found = understand(text, asker)
    return found.stage, found.skill.name if found.skill else None, found.parameters


def offered(text: str, asker: Asker = ALICE) -> list[str]:
    """The commands that are offered; nothing runs then."""
    found = understand(text, asker)
    assert found.skill is None
    assert not found.runs
    assert found.stage == ("nearest" if found.offers else "none")
    return [offer.cmd for offer in found.offers]


# ---- stage one: commands ----


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("/ping", "ping", {}),
        ("／ｐｉｎｇ", "ping", {}),
        ("帮助", "help", {}),
        ("/help 提醒", "help", {"name": "提醒"}),
        ("/echo  a  b\n c", "echo", {"text": "a  b\n c"}),
        ("/echo /ping", "echo", {"text": "/ping"}),
        ("/回显你好", "echo", {"text": "你好"}),
        ("/cancel 7k3m-9qzx", "cancel", {"number": "7k3m-9qzx"}),
        ("/取消 number=7K3M9QZX", "cancel", {"number": "7K3M9QZX"}),
        ("/lang 英文", "lang", {"code": "en"}),
        ("/任务 全部", "tasks", {"which": "all"}),
        ("/schedule", "schedule", {}),
        ("/schedule pause 7K3M9QZX", "schedule", {"action": "pause", "what": "7K3M9QZX"}),
        ("/定时 暂停 7K3M9QZX", "schedule", {"action": "pause", "what": "7K3M9QZX"}),
    ],
)
def test_typed_commands(text: str, name: str, parameters: dict[str, Any]) -> None:
    assert meant(text) == ("command", name, parameters)
    assert understand(text, ALICE).runs


REPORT = {"at": "2026-11-22T10:20:00+08:00", "text": "交周报"}


@pytest.mark.parametrize(
    "text",
    [
        "/remind 20分钟后 交周报",
        "/提醒 20分钟后交周报",
        "/提醒20分钟后交周报",
        "/提醒我20分钟后交周报",
        "/提醒：20分钟后交周报",
        "/remind 提醒我20分钟后交周报",
        "/remind 交周报 20分钟后",
        "/remind at=20分钟后 交周报",
        "/remind 时间=“20分钟后” 交周报",
        "/remind --at 2026-11-22T10:20 交周报",
    ],
)
def test_a_typed_reminder(text: str) -> None:
    assert meant(text) == ("command", "remind", REPORT)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("/echo", "text"),
        ("回显", "text"),
        ("/cancel", "number"),
        ("/remind", "at"),
        ("/remind 交周报", "at"),
        ("/remind 20分钟后", "text"),
        ("/approve", "code"),
    ],
)
def test_what_is_missing_is_asked_for(text: str, missing: str) -> None:
    found = understand(text, ALICE)
    assert found.missing is not None
    assert found.missing.name == missing
    assert not found.runs


def test_a_schedule_asks_nobody_back() -> None:
    found = understand("/remind 交周报", replace(ALICE, attended=False))
    assert found.missing is None
    assert found.runs
    assert understand("/cancel", replace(ALICE, attended=False)).missing is not None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("/ping pong", "多出的内容：pong"),
        ("/lang fr", "只能是：zh, en"),
        ('/task "abc', "引号没有成对"),
        ("/task 任务！", "写法不对"),
        ("/remind at=never tea", "看不懂这个时间"),
    ],
)
def test_what_does_not_fit_is_said(text: str, part: str) -> None:
    found = understand(text, ALICE)
    assert found.problem is not None
    assert part in found.problem.zh
    assert not found.runs


# ---- stage two: phrases ----


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("20分钟后提醒我交周报", "2026-11-22T10:20", "交周报"),
        ("提醒我20分钟后交周报", "2026-11-22T10:20", "交周报"),
        ("提醒我明天下午三点开会", "2026-11-23T15:00", "开会"),
        ("麻烦你明天下午三点提醒我一下开会，谢谢", "2026-11-23T15:00", "开会"),
        ("你能明天下午三点提醒我开会吗？", "2026-11-23T15:00", "开会"),
        ("请在20分钟后提醒我：交周报", "2026-11-22T10:20", "交周报"),
        ("明天早上7点叫我起床", "2026-11-23T07:00", "起床"),
        ("明天上午9点提醒我下午三点开会", "2026-11-23T09:00", "下午三点开会"),
        ("remind me to call Bob in 20 minutes", "2026-11-22T10:20", "call Bob"),
        ("in 20 minutes remind me to call Bob", "2026-11-22T10:20", "call Bob"),
        ("Remind me tomorrow at 3pm to call Bob.", "2026-11-23T15:00", "call Bob"),
        ("Could you remind me about the report at 3pm tomorrow?", "2026-11-23T15:00", "the report"),
        ("20 分钟后\n提醒我 交周报", "2026-11-22T10:20", "交周报"),
    ],
)
def test_reminders_in_words(text: str, at: str, said: str) -> None:
    expected = {"at": f"{at}:00+08:00", "text": said}
    assert meant(text) == ("phrase", "remind", expected)
    assert understand(text, ALICE).runs


@pytest.mark.parametrize(
    ("text", "missing"),
    [("提醒我交周报", "at"), ("remind me to call Bob", "at"), ("明天下午三点提醒我", "text")],
)
def test_half_a_reminder_is_asked_for_the_rest(text: str, missing: str) -> None:
    found = understand(text, ALICE)
    assert (found.stage, found.skill) == ("phrase", get("remind"))
    assert found.missing is not None
    assert found.missing.name == missing


@pytest.mark.parametrize(
    ("text", "cron", "command"),
    [
        ("每周一上午9点 /host", "0 9 * * 1", "/host"),
        ("every Monday at 9am /host", "0 9 * * 1", "/host"),
        ("每天早上9点运行 /echo 早", "0 9 * * *", "/echo 早"),
        ("每天早上9点看看主机", "0 9 * * *", "/host"),
        ("每天早上9点提醒我写日报", "0 9 * * *", "/remind 写日报"),
        ("提醒我每天早上9点写日报", "0 9 * * *", "/remind 写日报"),
        ("remind me to write the report every day at 9am", "0 9 * * *", "/remind write the report"),
        ("每天早上9点提醒我下午三点开会", "0 9 * * *", "/remind at=now 下午三点开会"),
    ],
)
def test_repetitions_in_words(text: str, cron: str, command: str) -> None:
    stage, name, parameters = meant(text)
    assert (stage, name) == ("phrase", "schedule")
    assert parameters["action"] == "add"
    assert parameters["every"]["cron"] == cron
    assert parameters["what"] == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/schedule add 每周一上午9点 /host", "/host"),
        ("/定时 每周一上午9点 /host", "/host"),
        ("/定时 每周一上午9点 主机", "/host"),
        ("/定时 每周一上午9点 /主机", "/host"),
        ("/schedule 每周一上午9点 提醒我写周报", "/remind 写周报"),
        ("/remind 每周一上午9点 写周报", "/remind 写周报"),
        ("/提醒我每周一上午9点写周报", "/remind 写周报"),
    ],
)
def test_typed_repetitions(text: str, command: str) -> None:
    stage, name, parameters = meant(text)
    assert (stage, name) == ("command", "schedule")
    assert parameters["every"] == {"cron": "0 9 * * 1", "words": "每周一上午9点"}
    assert parameters["what"] == command


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("/schedule add 每周一上午9点 /hsot", "没有这个命令：/hsot"),
        ("/schedule add 每周一上午9点 随便", "看不懂到时候要做什么：随便"),
        ("/schedule add 每周一上午9点 /cancel", "“/cancel”还不能定时"),
        ("/schedule add 每周一上午9点 /ping pong", "多出的内容：pong"),
    ],
)
def test_a_command_that_could_never_run_is_refused_at_once(text: str, part: str) -> None:
    found = understand(text, ALICE)
    assert found.problem is not None
    assert part in found.problem.zh


@pytest.mark.parametrize(
    "text",
    [
        "每天早上9点提醒我写日报",
        "every day at 9am remind me of the 3pm meeting",
        "每周一上午9点 /host",
    ],
)
def test_what_a_schedule_asks_is_understood_when_it_is_due(text: str) -> None:
    command = understand(text, ALICE).parameters["what"]
    due = understand(command, replace(ALICE, attended=False))
    assert due.runs
    assert due.skill is not None
    if due.skill.name == "remind":
        said = ask("remind", context(language="en", origin="schedule"), **due.parameters)
        assert said.startswith("⏰ Reminder: ")


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("你会什么？", "help", {}),
        ("What can you do?", "help", {}),
        ("请问服务器状态", "host", {}),
        ("取消任务 7K3M9QZX", "cancel", {"number": "7K3M9QZX"}),
        ("Cancel job 7K3M9QZX.", "cancel", {"number": "7K3M9QZX"}),
        ("用英文回答", "lang", {"code": "en"}),
        ("Please speak English", "lang", {"code": "en"}),
    ],
)
def test_declared_phrases(text: str, name: str, parameters: dict[str, Any]) -> None:
    assert meant(text) == ("phrase", name, parameters)


def test_a_skill_declares_its_own_phrases() -> None:
    with declared():

        @skill(phrases=["给{who}倒{cups}杯茶", "Bring {who} Tea", "Tea Time"])
        def tea(ctx: Context, who: str = "me", cups: int = 1) -> str:
            return f"{who} {cups}"

        assert meant("tea TIME!") == ("phrase", "tea", {})
        assert meant("bring Bob tea") == ("phrase", "tea", {"who": "Bob"})
        assert meant("请给 Bob 倒３杯茶。") == ("phrase", "tea", {"who": "Bob", "cups": 3})
        assert meant("给 Bob 倒三杯茶") == ("phrase", "tea", {"who": "Bob", "cups": 3})
        assert offered("给 Bob 倒几杯茶") == []
    assert offered("请给 Bob 倒３杯茶。") == []


@pytest.mark.parametrize(
    "text",
    [
        "不要提醒我开会",
        "别在20分钟后提醒我",
        "don't remind me tomorrow at 3pm",
        "20分钟后提醒小王交周报",
        "叫我小王",
        "你上次20分钟前提醒我了",
        "取消任务列表里的第一个",
        "see /ping",
        "帮助我写一封信",
    ],
)
def test_what_only_looks_like_a_phrase_never_runs(text: str) -> None:
    assert understand(text, ALICE).skill is None


# ---- stage three: offers ----


def test_a_misspelt_command_is_offered_with_what_followed() -> None:
    assert offered("/pign")[0] == "/ping"
    assert offered("/ehco hello there")[0] == "/echo hello there"
    assert offered("/pnig foo")[0] == "/ping"  # takes no words
    assert len(offered("/statsu")) == 3
    assert offered("/qqqqqq") == []


def test_only_what_the_asker_may_run_is_offered() -> None:
    assert offered("/hots")[0] == "/host"
    assert "/host" not in offered("/hots", BOB)
    assert offered("看看服务器怎么样了") == ["/host"]
    assert offered("看看服务器怎么样了", BOB) == []
    assert offered("/pign", CAROL) == []
    assert offered("明天下午三点开会", CAROL) == []


def test_permission_is_not_decided_here() -> None:
    assert meant("/host", CAROL) == ("command", "host", {})


def test_a_time_without_a_wish_is_offered_as_a_reminder() -> None:
    assert offered("明天下午三点开会") == ["/remind at=2026-11-23T15:00 开会"]
    assert offered("每天早上9点写日报") == ["/schedule 每天早上9点 /remind 写日报"]


@pytest.mark.parametrize("text", ["明天下午三点开会", "每天早上9点写日报", "/ehco hi", "/pign"])
def test_what_is_offered_is_understood(text: str) -> None:
    for cmd in offered(text):
        found = understand(cmd, ALICE)
        assert (found.stage, found.problem) == ("command", None), cmd


@pytest.mark.parametrize(
    "text", ["写一首关于春天的诗", "今天天气怎么样", "你好", "/etc/passwd", "/", "", "   ", "。"]
)
def test_nothing_fits(text: str) -> None:
    assert offered(text) == []


def test_hidden_skills_are_not_offered() -> None:
    with declared():

        @skill(hidden=True)
        def secretly(ctx: Context) -> str:
            return "x"

        assert "/secretly" not in offered("/secretyl")
        assert meant("/secretly") == ("command", "secretly", {})


# ---- the answer itself ----


def test_what_must_be_confirmed_does_not_run_at_once() -> None:
    with declared():

        @skill(confirm=True)
        def careful(ctx: Context) -> str:
            return "x"

        @skill(approve=True)
        def grave(ctx: Context) -> str:
            return "x"

        assert not understand("/careful", ALICE).runs
        assert not understand("/grave", ALICE).runs


def test_as_json() -> None:
    found = understand("20分钟后提醒我交周报", ALICE).to_json("en")
    assert json.loads(json.dumps(found)) == found
    assert found["stage"] == "phrase"
    assert found["skill"] == "remind"
    assert found["runs"] is True
    assert found["offers"] == []
    assert found["why"] == "this is a reminder"


def test_as_json_an_offer_names_the_nearest_and_does_not_run() -> None:
    found = understand("/pign", ALICE).to_json("zh-hans")
    assert (found["stage"], found["skill"], found["runs"]) == ("nearest", "ping", False)
    assert found["offers"][0] == {"label": "在吗（/ping）", "cmd": "/ping", "skill": "ping"}
    nothing = understand("你好", ALICE).to_json("zh-hans")
    assert (nothing["stage"], nothing["skill"], nothing["runs"]) == ("none", None, False)


def test_an_answer_to_a_question() -> None:
    one = get("remind")
    assert one is not None
    found = Understood.answered(one, {"text": "tea"}, missing=one.parameter("at"))
    assert (found.stage, found.runs) == ("answer", False)
    assert Understood.answered(one, {"text": "tea"}).runs


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_it(text: str) -> None:
    for one in (text, "/" + text, "/echo " + text, "提醒我" + text, "每天早上9点" + text):
        found = understand(one, ALICE)
        assert json.loads(json.dumps(found.parameters)) == found.parameters
        assert found.skill is None or found.skill.name in registry()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_example_in_help_is_understood(language: str) -> None:
    for one in (one for one in registry().values() if not one.hidden):
        for example in one.examples:
            found = understand(example.in_(language), ALICE)
            # A file is sent beside the words.
            waits = found.missing is not None and found.missing.kind == "file"
            assert found.runs or waits, example
            expected = {one.name, "schedule"} if one.name == "remind" else {one.name}
            assert found.skill is not None
            assert found.skill.name in expected, example


def test_it_is_fast() -> None:
    understand("/ping", ALICE)
    best = min(timeit.repeat(lambda: understand("/ping", ALICE), number=100, repeat=5)) / 100
    assert best < 0.0001  # a tenth of a millisecond


@pytest.mark.parametrize(
    "text", ["你能" * 400, "请" * 900 + "提醒", "a " * 400, "提醒我" * 300, '"' * 900, "每天" * 400]
)
def test_no_text_takes_long(text: str) -> None:
    assert timeit.timeit(lambda: understand(text, ALICE), number=1) < 0.5
