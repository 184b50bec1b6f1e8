"""A click: the button that was meant, for the person who clicked, once, and on its own card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts import authz
from apps.accounts.models import Person, Role
from apps.assistant import actions, conversations, jobs, steps, words
from apps.assistant.models import Approval, Job, Message
from apps.audit.models import AuditRow
from apps.core.loop import outside
from apps.im import clicks, delivery
from apps.im.base import Abilities, Place, SendContext, get_platform
from apps.im.cards import Button, Card
from apps.im.errors import Later
from apps.im.models import Click, Delivery
from apps.im.platforms.webhook import Webhook
from apps.skills import base as skills
from apps.skills.registry import borrowed
from tests.assistant.conftest import SYSTEM, Chat

Answer = Callable[[Message], str]
pytestmark = pytest.mark.django_db
ran: list[str] = []


@pytest.fixture(autouse=True)
def trial_skills(roles: dict[str, Role], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skills made for these tests; nothing is published."""
    ran.clear()
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    with borrowed():

        @skills.skill(name="bump", zh="加一", quick=True)
        def bump(text: str) -> str:
            """Act at once."""
            ran.append(text)
            return f"bumped {text}"

        @skills.skill(name="menu", zh="菜单卡", quick=True)
        def menu() -> Card:
            """A card with buttons."""
            return Card(
                buttons=(
                    Button("Bump", "/bump one"),
                    Button("Again", "/bump again", once=False),
                    Button("Secret", "/host"),
                )
            )

        @skills.skill(name="risky", zh="危险", approve=True)
        def risky(text: str) -> str:
            """Ask somebody else."""
            return f"did {text}"

        @skills.skill(name="careful", zh="小心", confirm=True)
        def careful(text: str) -> str:
            """Ask first."""
            return f"did {text}"

        for name in ("bump", "menu", "risky"):
            authz.allow("member", f"skill.{name}", SYSTEM)
        yield


@pytest.fixture
def menu_card(chat: Chat) -> Delivery:
    """A card with buttons in a group."""
    asked = chat.say("bob", "/menu", chat_id="g1", chat_type="group")
    return Delivery.objects.get(message=asked)


def test_a_click_says_what_its_button_says(chat: Chat, menu_card: Delivery, answer: Answer) -> None:
    click = chat.press("carol", menu_card, "/bump one")
    assert (click.state, click.text) == ("done", "/bump one")
    assert click.person is not None
    assert click.person.name == "carol"
    assert answer(click) == "bumped one"
    assert not Delivery.objects.get(message=click).reply_to


def test_a_button_acts_once_whoever_clicks(chat: Chat, menu_card: Delivery, answer: Answer) -> None:
    chat.press("carol", menu_card, "/bump one")
    second = chat.press("bob", menu_card, "/bump one")
    assert ran == ["one"]
    assert (second.state, second.text) == ("refused", "/bump one")
    assert "Carol" in answer(second)
    told = Delivery.objects.get(message=second)
    assert told.private_to == "u-bob"  # nobody else in the group needs to see it
    assert AuditRow.objects.filter(action="click.refused", data__reason="used").exists()


def test_what_only_shows_something_may_be_clicked_again(chat: Chat, menu_card: Delivery) -> None:
    for who in ("bob", "carol"):
        chat.press(who, menu_card, "/bump again")
    assert ran == ["again", "again"]
    assert not Click.objects.exists()


def test_a_click_that_is_refused_uses_nothing_up(
    chat: Chat, menu_card: Delivery, answer: Answer
) -> None:
    refused = chat.press("bob", menu_card, "/host")
    assert (refused.state, refused.reason) == ("refused", "skill.host")
    stranger = chat.press("mallory", menu_card, "/host")
    assert stranger.state == "refused"
    assert not Click.objects.exists()
    assert chat.press("alice", menu_card, "/host").state == "done"
    assert Job.objects.get().skill == "host"
    assert Click.objects.get().person.name == "alice"  # type: ignore[union-attr]


def test_ones_own_request_is_not_used_up_by_its_asker(
    chat: Chat, bob: Person, answer: Answer
) -> None:
    authz.allow("operator", "approve.risky", SYSTEM)
    authz.add_role(bob, "operator", SYSTEM)
    chat.say("alice", "/risky one", chat_id="g1", chat_type="group")
    card = Delivery.objects.get(role="progress")
    code = Approval.objects.get().code
    assert "自己" in answer(chat.press("alice", card, f"/approve {code}"))
    assert "approve.risky" in answer(chat.press("carol", card, f"/approve {code}"))
    assert Job.objects.get().state == "asking"
    assert chat.press("bob", card, f"/approve {code}").state == "done"
    assert Job.objects.get().state == "waiting"
    late = chat.press("bob", card, f"/approve {code}")
    assert "已由 Bob" in answer(late)


def test_two_at_the_same_time_are_one(
    chat: Chat, menu_card: Delivery, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    """The other's click was written after ours was looked for, before ours is done."""
    real = steps.authorise

    def meanwhile(cases: Any) -> None:
        real(cases)
        name = clicks.button_id("/bump one")
        Click.objects.create(delivery=menu_card, button=name, person=None)

    monkeypatch.setattr(steps, "authorise", meanwhile)
    click = chat.press("bob", menu_card, "/bump one")
    assert (ran, click.state) == ([], "refused")
    assert "有人" in answer(click)


@pytest.mark.parametrize("action", ["", "x", None, 7, "1.2.3.4", ["t"], {"t": 1}, "é.b.c.d"])
def test_a_token_that_we_did_not_make_does_nothing(
    chat: Chat, menu_card: Delivery, action: object, answer: Answer
) -> None:
    click = chat.press("bob", menu_card, "", payload={"extra": {"action": action}})
    assert (click.state, click.reason) == ("refused", "click:not_genuine")
    assert "无效" in answer(click)
    assert not ran


def test_a_click_without_anything_does_nothing(chat: Chat, menu_card: Delivery) -> None:
    assert chat.press("bob", menu_card, "", payload={}, text="/bump one").state == "refused"
    assert not ran


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_changed_token_is_genuine(chat: Chat, menu_card: Delivery, data: st.DataObject) -> None:
    token = clicks.token(menu_card.pk, menu_card.bot_id, "/bump one")
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
    changed = token[:place] + letter + token[place + 1 :]
    found = clicks.read(changed, menu_card.bot_id)
    assert (found is not None) == (changed == token)


def test_another_bots_token_is_not_genuine(chat: Chat, menu_card: Delivery) -> None:
    other = clicks.token(menu_card.pk, menu_card.bot_id + 1, "/bump one")
    click = chat.press("bob", menu_card, "", payload={"extra": {"action": other}})
    assert click.reason == "click:not_genuine"


@pytest.mark.parametrize("chat_id", ["g2", "chat-bob"])
def test_a_card_acts_only_where_it_is(chat: Chat, menu_card: Delivery, chat_id: str) -> None:
    """A card that was forwarded, or whose token was taken from it."""
    click = chat.press("bob", menu_card, "/bump one", chat_id=chat_id)
    assert (click.state, click.reason) == ("refused", "click:elsewhere")
    assert not ran


def test_a_card_for_one_person_alone_acts_for_nobody_else(chat: Chat, menu_card: Delivery) -> None:
    Delivery.objects.filter(pk=menu_card.pk).update(private_to="u-bob")
    theirs = chat.press("carol", menu_card, "/bump one")
    assert theirs.reason == "click:elsewhere"
    # Privately it may come from a chat that we do not know; its answer is private, too.
    mine = chat.press("bob", menu_card, "/bump one", chat_id="dm-bob", chat_type="private")
    assert mine.state == "done"
    assert Delivery.objects.get(message=mine).private_to == "u-bob"


def test_a_click_that_does_not_say_where_it_was_is_answered_where_its_card_is(
    chat: Chat, menu_card: Delivery
) -> None:
    nowhere = f"{conversations.NOWHERE}u-bob"
    click = chat.press("bob", menu_card, "/bump one", chat_id=nowhere)
    assert click.conversation.chat_id == "g1"
    assert Delivery.objects.get(message=click).chat_id == "g1"
    lost = chat.press("bob", menu_card, "", chat_id=nowhere, payload={})
    assert Delivery.objects.get(message=lost).private_to == "u-bob"


def test_a_click_that_names_the_person_is_answered_in_the_private_chat(chat: Chat) -> None:
    """DingTalk names the person where a card in a private chat is clicked."""
    asked = chat.say("bob", "/menu", chat_id="cid-bob", chat_type="private")
    card = Delivery.objects.get(message=asked)
    Delivery.objects.filter(pk=card.pk).update(context={"channel": "u-bob"})
    click = chat.press("bob", card, "/bump one", chat_id="u-bob")
    assert (click.state, click.conversation.chat_id) == ("done", "cid-bob")
    assert Delivery.objects.get(message=click).chat_id == "cid-bob"
    theirs = chat.press("carol", card, "/bump again", chat_id="u-carol")
    assert theirs.reason == "click:elsewhere"


def test_a_button_that_was_edited_away_is_gone(
    chat: Chat, menu_card: Delivery, answer: Answer
) -> None:
    delivery.edit(menu_card, Card().to_json(), "")
    click = chat.press("bob", menu_card, "/bump one")
    assert (click.state, click.reason) == ("refused", "click:gone")
    assert "失效" in answer(click)
    Delivery.objects.filter(pk=menu_card.pk).update(card={"buttons": "no list"})
    assert chat.press("bob", menu_card, "/bump one").reason == "click:gone"
    Delivery.objects.filter(pk=menu_card.pk).delete()
    assert chat.press("bob", menu_card, "/bump one").reason == "click:gone"
    assert not ran


@pytest.mark.parametrize(("hours", "state"), [(7 * 24 - 1, "done"), (7 * 24 + 1, "refused")])
def test_a_button_lives_for_a_week(chat: Chat, menu_card: Delivery, hours: int, state: str) -> None:
    Delivery.objects.filter(pk=menu_card.pk).update(created_at=chat.now - timedelta(hours=hours))
    assert chat.press("bob", menu_card, "/bump one").state == state


def test_a_person_who_was_disabled_clicks_nothing(
    chat: Chat, menu_card: Delivery, bob: Person
) -> None:
    authz.disable_person(bob, SYSTEM)
    assert chat.press("bob", menu_card, "/bump one").state == "refused"
    assert not Click.objects.exists()


def test_only_the_owner_or_console_jobs_cancels_by_a_click(
    chat: Chat, bob: Person, answer: Answer
) -> None:
    chat.say("alice", "/host", chat_id="g1", chat_type="group")
    job = Job.objects.get()
    card = Card(buttons=(Button("x", f"/cancel {job.number}"),))
    Delivery.objects.update(card={})
    shown = chat.say("alice", "/menu", chat_id="g1", chat_type="group")
    Delivery.objects.filter(message=shown).update(card=card.to_json())
    on = Delivery.objects.get(message=shown)
    chat.press("bob", on, f"/cancel {job.number}")
    job.refresh_from_db()
    assert job.state == "waiting"
    chat.press("alice", on, f"/cancel {job.number}")
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_a_message_that_is_no_click_asks_nothing_more(chat: Chat, menu_card: Delivery) -> None:
    """Neither a click's tables nor its card are looked at for what was typed."""
    chat.put("bob", "/ping")
    with CaptureQueriesContext(connection) as seen:
        chat.handle(("interactive",))
    said = [query["sql"] for query in seen]
    assert not any("im_click" in sql for sql in said)
    assert not any(sql.startswith("SELECT") and '"card"' in sql for sql in said)


def test_a_batch_of_clicks_asks_once(chat: Chat, bob: Person) -> None:
    cards = []
    for number in range(6):
        asked = chat.say("bob", "/menu", chat_id=f"g{number}", chat_type="group")
        cards.append(Delivery.objects.get(message=asked))

    def asked_for(count: int) -> int:
        for card in cards[:count]:
            extra = {"action": clicks.token(card.pk, card.bot_id, "/bump again")}
            chat.put(
                "bob", "", kind="card_action", chat_id=card.chat_id, chat_type="group",
                payload={"extra": extra},
            )  # fmt: skip
        with CaptureQueriesContext(connection) as seen:
            chat.handle(("control",))
        return len([q for q in seen if q["sql"].startswith("SELECT")])

    assert asked_for(6) == asked_for(2)


# ---- what a click brings, and what the platform is told ----


class Thankful(Webhook):
    """A platform whose clients wait for an acknowledgement, and whose clicks bring a code."""

    context_keys = ("response_code",)
    told: list[Place]
    broken: Exception | None = None

    async def acknowledge(self, ctx: SendContext, place: Place) -> None:
        self.told.append(place)
        if self.broken:
            raise self.broken


@pytest.fixture
def thankful(monkeypatch: pytest.MonkeyPatch) -> Thankful:
    platform = Thankful()
    platform.told = []
    get_platform("webhook")
    from apps.im import registry

    monkeypatch.setitem(registry.all_platforms(), "webhook", platform)  # type: ignore[arg-type]
    return platform


def settled() -> None:
    """Everything that was handed to the loop before is done."""

    async def last() -> None:
        return None

    outside.submit(last()).result(5)


@pytest.mark.parametrize("broken", [None, Later("busy", delay_s=1), ValueError("a fault")])
def test_every_click_is_acknowledged_and_nothing_fails_with_it(
    chat: Chat, menu_card: Delivery, thankful: Thankful, broken: Exception | None
) -> None:
    thankful.broken = broken
    good = chat.press("bob", menu_card, "/bump one")
    bad = chat.press("bob", menu_card, "", payload={"extra": {"action": "x", "q": "1"}})
    chat.say("bob", "/ping")
    settled()
    assert (good.state, bad.state) == ("done", "refused")
    assert [place.message_id for place in thankful.told] == [
        good.platform_message_id,
        bad.platform_message_id,
    ]
    assert thankful.told[1].extra == {"action": "x", "q": "1"}


def test_what_a_click_brings_for_later_edits_is_kept_with_its_card(
    chat: Chat, menu_card: Delivery, thankful: Thankful
) -> None:
    Delivery.objects.filter(pk=menu_card.pk).update(context={"a": 1, "response_code": "old"})
    action = clicks.token(menu_card.pk, menu_card.bot_id, "/bump one")
    extra = {"action": action, "response_code": "new", "other": "x"}
    chat.press("bob", menu_card, "", payload={"extra": extra})
    menu_card.refresh_from_db()
    assert menu_card.context == {"a": 1, "response_code": "new"}


def test_without_private_messages_a_refusal_is_said_where_it_was_clicked(
    chat: Chat, menu_card: Delivery, thankful: Thankful, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Thankful, "abilities", Abilities(private=False))
    click = chat.press("bob", menu_card, "", payload={})
    told = Delivery.objects.get(message=click)
    assert (told.chat_id, told.private_to) == ("g1", "")


# ---- cards show who decided ----


def card_of(row: Delivery) -> str:
    row.refresh_from_db()
    return row.text


@pytest.fixture
def approvers(chat: Chat, bob: Person, carol: Person) -> Delivery:
    """Alice and Carol may decide what Bob asks for; his card."""
    authz.allow("operator", "approve.risky", SYSTEM)
    authz.add_role(carol, "operator", SYSTEM)
    authz.add_role(bob, "operator", SYSTEM)
    Person.objects.filter(pk=carol.pk).update(language="en")
    asked = chat.say("bob", "/risky one", chat_id="g1", chat_type="group")
    return Delivery.objects.get(message=asked, role="progress")


@pytest.mark.parametrize(("verb", "zh", "en"), [
    ("approve", "批准", "Approved by Alice at"), ("deny", "拒绝", "Denied by Alice at"),
])  # fmt: skip
def test_all_cards_of_a_decision_show_who_and_when(
    chat: Chat, approvers: Delivery, alice: Person, carol: Person, verb: str, zh: str, en: str
) -> None:
    code = Approval.objects.get().code
    copies = {d.chat_id: d for d in Delivery.objects.filter(role="notice")}
    hers = copies[f"person:{carol.pk}"]
    assert f"/approve {code}" in card_of(hers)
    chat.press("alice", approvers, f"/{verb} {code}")
    at = f"{Approval.objects.get().decided_at.astimezone(words.zone()):%H:%M}"  # type: ignore[union-attr]
    assert f"由 Alice 于 {at} {zh}" in card_of(approvers)
    assert f"{en} {at}" in card_of(hers)
    assert code in hers.text  # what was decided is still to be seen
    for row in (approvers, *copies.values()):
        assert "/deny" not in card_of(row)
        assert not row.card["buttons"]
        assert row.revision == 1


def test_a_confirmation_says_so(chat: Chat, alice: Person) -> None:
    chat.say("alice", "/careful one")
    card = Delivery.objects.get(role="progress")
    chat.press("alice", card, f"/approve {Approval.objects.get().code}")
    assert "由 Alice 于" in card_of(card)
    assert "确认" in card.text


def test_what_is_withdrawn_or_expires_shows_on_every_card(
    chat: Chat, approvers: Delivery, bob: Person
) -> None:
    actions.cancel_job(Job.objects.get(), bob)
    for row in Delivery.objects.filter(role__in=("notice", "progress")):
        assert "取消" in row.text or "Cancelled by Bob" in row.text
        assert not row.card["buttons"]


def test_the_web_chat_obeys_the_same(chat: Chat, approvers: Delivery, alice: Person) -> None:
    from apps.webchat.say import UnusableMessage, said

    code = Approval.objects.get().code
    copy = Delivery.objects.get(role="notice", chat_id=f"person:{alice.pk}")
    body = {"text": f"/approve {code}", "client_id": "12345678", "delivery": copy.pk}
    said(alice, body)
    chat.handle()
    assert Job.objects.get().state == "waiting"
    assert Click.objects.get().delivery_id == copy.pk
    with pytest.raises(UnusableMessage):  # it is gone from the card
        said(alice, {**body, "client_id": "87654321"})
