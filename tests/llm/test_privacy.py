"""What a model is given, and what comes back for whom."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.accounts.models import Person
from apps.audit.log import Actor
from apps.core import crypto
from apps.core.clock import utcnow
from apps.llm import chat, mask_maps, privacy, privacy_actions
from apps.llm.masking_turns import NOTE
from apps.llm.models import LanguageModel
from apps.llm.privacy import UnknownPlaceholder, Veiled
from apps.llm.privacy_models import ListedWord, MaskMap, MaskPattern
from apps.llm.shapes import Answer, Ask, Purpose, ToolCall, Turn, system, user
from apps.llm.target import target_of
from apps.simulate.model import MODEL, ModelStand

BOB, CAROL = Purpose("ask", audience="person:1"), Purpose("ask", audience="person:2")
SYSTEM = Actor.system("test")
PHONE, ID = "13800138000", "110101199003074565"
KEY = "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"


@pytest.fixture
def outside(db: None) -> LanguageModel:
    return LanguageModel.objects.create(name="outside", base_url="http://x/v1", model="m")


def asked(row: LanguageModel, *turns: Turn, purpose: Purpose = BOB) -> Veiled:
    return privacy.veil(Ask(turns), purpose, row)


def said(veiled: Veiled) -> list[str]:
    return [turn.text for turn in veiled.ask.turns if not turn.text.endswith(NOTE)]


def test_a_value_keeps_its_placeholder_over_a_conversation(outside: LanguageModel) -> None:
    first = asked(outside, user(f"打 {PHONE}"))
    second = asked(outside, user("打 13900139000"), user(f"还是打 {PHONE}"))
    assert said(first) == ["打 ⟦PHONE_1⟧"]
    assert said(second) == ["打 ⟦PHONE_2⟧", "还是打 ⟦PHONE_1⟧"]
    assert first.counts == {"PHONE": 1}
    assert second.restore(Answer("⟦PHONE_1⟧ ⟦PHONE_2⟧")).text == f"{PHONE} 13900139000"


def test_nothing_is_added_where_nothing_was_masked(outside: LanguageModel) -> None:
    veiled = asked(outside, system("Be brief."), user("今天天气"))
    assert veiled.ask.turns == (system("Be brief."), user("今天天气"))
    assert not MaskMap.objects.exists()


def test_two_audiences_never_share_a_map(outside: LanguageModel) -> None:
    asked(outside, user(f"打 {PHONE}"))
    other = asked(outside, user("你好"), purpose=CAROL)
    assert other.restore(Answer("⟦PHONE_1⟧")).text == "⟦PHONE_1⟧"
    alone = asked(outside, user("你好"), purpose=Purpose("ask"))
    assert alone.restore(Answer("⟦PHONE_1⟧")).text == "⟦PHONE_1⟧"


class TwoAudiences(TestCase):
    """For any two people's texts."""

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10**8), st.integers(0, 10**8), st.text(max_size=20))
    def test_no_answer_holds_what_another_audience_said(self, a: int, b: int, more: str) -> None:
        """Whatever placeholders a model names, they are the asker's own."""
        row = LanguageModel(name="outside", base_url="http://x/v1", model="m")
        mine, theirs = f"139{a:08}", f"158{b:08}"
        asked(row, user(f"{more} {theirs}，a{b}@example.com"), purpose=CAROL)
        veiled = asked(row, user(f"{mine} {more}"), purpose=BOB)
        named = " ".join(f"⟦{kind}_{n}⟧" for kind in ("PHONE", "EMAIL", "TEXT") for n in range(5))
        shown = veiled.restore(Answer(named)).text
        assert theirs not in shown
        assert "@example.com" not in shown.replace(more, "")


def test_the_map_is_encrypted_and_forgotten_after_a_day(outside: LanguageModel) -> None:
    asked(outside, user(f"打 {PHONE}"))
    row = MaskMap.objects.get()
    assert PHONE not in row.body
    with time_machine.travel(utcnow() + timedelta(hours=25), tick=False):
        assert asked(outside, user("好")).restore(Answer("⟦PHONE_1⟧")).text == "⟦PHONE_1⟧"
        assert mask_maps.forget_expired(utcnow()) == 1
    assert not MaskMap.objects.exists()


def test_a_map_moved_to_another_audience_does_not_open(outside: LanguageModel) -> None:
    asked(outside, user(f"打 {PHONE}"))
    body = MaskMap.objects.get().body
    MaskMap.objects.create(audience="person:2", body=body, expires_at=utcnow() + timedelta(hours=1))
    other = asked(outside, user("好"), purpose=CAROL)
    assert other.restore(Answer("⟦PHONE_1⟧")).text == "⟦PHONE_1⟧"


@pytest.mark.parametrize("begun", [True, False])
def test_two_writers_at_once_lose_nothing(outside: LanguageModel, begun: bool) -> None:
    if begun:
        asked(outside, user("a@example.com"))
    seen: list[str] = []

    def work(book: mask_maps.Book) -> str:
        if not seen:  # somebody else is quicker, once
            seen.append("x")
            asked(outside, user("打 13900139000"))
        return book.token("PHONE", PHONE)

    book, token = mask_maps.with_book("person:1", (), work)
    assert token == "⟦PHONE_2⟧"
    kept = asked(outside, user("你好")).book
    for one in (book, kept):
        assert one.restore("⟦PHONE_1⟧ ⟦PHONE_2⟧") == f"13900139000 {PHONE}"


def test_tool_results_and_calls_and_raw_messages_are_masked(outside: LanguageModel) -> None:
    call = ToolCall("dial", {"phone": int(PHONE), "password": "hunter2 x", "n": 3, PHONE: [PHONE]})
    raw = {"role": "assistant", "content": f"⟦PHONE_1⟧ is {PHONE}", "tool_calls": [{"x": PHONE}]}
    veiled = asked(
        outside, user(f"打 {PHONE}"), Turn("assistant", f"打 {PHONE}", (call,), raw=raw),
        Turn("tool", f'{{"phone":"{PHONE}","mail":"a@b.com"}}', call_id="1"),
    )  # fmt: skip
    sent = json.dumps(
        [[t.text, [dict(c.arguments) for c in t.calls], t.raw] for t in veiled.ask.turns]
    )
    assert PHONE not in sent
    assert "hunter2" not in sent
    assistant = veiled.ask.turns[2]
    assert assistant.raw is not None
    assert assistant.raw["content"] == "⟦PHONE_1⟧ is ⟦PHONE_1⟧"
    assert veiled.restore(Answer(calls=assistant.calls)).calls[0].arguments == {
        **call.arguments, "phone": PHONE,
    }  # fmt: skip


def test_arguments_and_data_are_restored(outside: LanguageModel) -> None:
    veiled = asked(outside, user(f"打 {PHONE}"))
    answer = veiled.restore(
        Answer(
            "", (ToolCall("dial", {"to": ["[PHONE_1]"]}),), data={"p": "PHONE_1"}, raw={"a": "b"}
        )
    )
    assert answer.calls[0].arguments == {"to": [PHONE]}
    assert answer.data == {"p": PHONE}
    assert answer.raw == {"a": "b"}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(calls=(ToolCall("dial", {"to": {"a": ["⟦PHONE_7⟧"]}}),), model="m"),
        Answer(data={"to": "[EMAIL_1]"}, model="m"),
    ],
)
def test_an_invented_placeholder_is_not_acted_on(outside: LanguageModel, answer: Answer) -> None:
    veiled = asked(outside, user(f"打 {PHONE}"))
    with pytest.raises(UnknownPlaceholder):
        veiled.restore(answer)
    assert veiled.restore(Answer("⟦PHONE_7⟧")).text == "⟦PHONE_7⟧"


def test_a_stream_is_restored_piece_by_piece(outside: LanguageModel) -> None:
    streamer = asked(outside, user(f"打 {PHONE}")).streamer()
    shown = [streamer.feed(piece) for piece in ("请打 ⟦PHO", "NE_", "1⟧ 谢谢", "，再见 [")]
    assert shown == ["请打 ", "", f"{PHONE} 谢谢", "，再见 "]
    assert streamer.end() == "["


def test_only_an_internal_model_may_read_all(outside: LanguageModel) -> None:
    outside.unmasked = True
    assert PHONE not in said(asked(outside, user(f"打 {PHONE}")))[0]
    inside = LanguageModel(name="inside", zone="internal", unmasked=True)
    veiled = asked(inside, user(f"打 {PHONE}"))
    assert said(veiled) == [f"打 {PHONE}"]
    # It was shown none: what it writes is no placeholder of anybody's.
    assert veiled.restore(Answer("⟦PHONE_1⟧")).text == "⟦PHONE_1⟧"


@pytest.mark.django_db
def test_the_names_of_the_company_are_masked_as_they_change(
    outside: LanguageModel, bob: Person
) -> None:
    Person.objects.create_person("wangxm", display_name="王小明")
    assert said(asked(outside, user("请王小明联系 wangxm")))[0] == "请⟦NAME_1⟧联系 ⟦NAME_2⟧"
    bob.display_name = "赵六一"
    bob.save()
    assert "赵六一" not in said(asked(outside, user("赵六一在吗")))[0]
    assert said(asked(outside, user("ask the admin")))[0] == "ask the admin"


def test_own_patterns_and_words_are_masked(outside: LanguageModel) -> None:
    privacy_actions.set_pattern(
        MaskPattern(), name="项目", pattern=r"PRJ-\d{4}", kind="project", enabled=True, actor=SYSTEM
    )
    privacy_actions.set_word(
        ListedWord(), word="曙光计划", is_pattern=False, rule="leave_mask", note="", enabled=True,
        actor=SYSTEM,
    )  # fmt: skip
    veiled = asked(outside, user("ＰＲＪ－1234 属于曙 光计划 \ud800"))
    assert said(veiled) == ["⟦PROJECT_1⟧ 属于⟦WORD_1⟧ \ud800"]
    assert veiled.restore(Answer("PROJECT_1 / WORD_1")).text == "ＰＲＪ－1234 / 曙 光计划"
    inside = LanguageModel(name="inside", zone="internal")
    assert said(asked(inside, user("曙光计划"), purpose=CAROL)) == ["曙光计划"]


async def _exchange(row: LanguageModel, veiled: Veiled) -> Answer:
    return await chat.exchange(target_of(row), veiled.ask)


def test_planted_secrets_are_in_no_request_and_no_log_line(
    outside: LanguageModel, stand: ModelStand, capfd: pytest.CaptureFixture[str]
) -> None:
    outside.base_url, outside.model = stand.base_url, MODEL
    outside.api_key = crypto.encrypt(stand.key, outside.aad)
    stand.answer = "⟦CN_ID_1⟧ ⟦SECRET_1⟧"
    veiled = asked(outside, user(f"我的身份证是{ID}，密码是Tr0ub4dor&3，密钥 {KEY}"))
    answer = veiled.restore(async_to_sync(_exchange)(outside, veiled))
    assert answer.text == f"{ID} Tr0ub4dor&3"
    printed = capfd.readouterr()
    everything = json.dumps(stand.asked, ensure_ascii=False) + printed.out + printed.err
    for secret in (ID, "Tr0ub4dor", KEY):
        assert secret not in everything
        assert secret not in json.dumps(list(MaskMap.objects.values("body")))
