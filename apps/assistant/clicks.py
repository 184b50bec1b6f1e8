"""Clicks: which button of which card was meant, whether it may still act, and that it acts once.

A message of kind `card_action` or `form` carries the token of a button (`apps.im.clicks`); what the
button says comes from the card's row, never from the message. Set-wise, and without a query when
no message of a batch is a click.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from apps.assistant import jobs, words
from apps.assistant.case import Case, Press
from apps.assistant.conversations import NOWHERE
from apps.assistant.lanes import CLICKS
from apps.assistant.models import Conversation, Job, Message
from apps.assistant.questions import FILL
from apps.core.bulk import Insert, Update
from apps.core.i18n import Text
from apps.core.sql import Among, Prepared
from apps.im import clicks, courtesy
from apps.im.base import Place, get_platform
from apps.im.cards import BadCard, Card
from apps.im.models import Click, Delivery

LIFE = timedelta(days=7)
#: Characters of one value of a form; the skill's own limits come after.
MOST_TYPED = 1_000_000

Used = dict[tuple[int, str], tuple[datetime, str]]

cards_of = Prepared(lambda: Delivery.objects.filter(Among("pk", "keys")))
used_of = Prepared(
    lambda: Click.objects.filter(Among("delivery_id", "keys")).values_list(
        "delivery_id", "button", "at", "person__display_name", "person__name"
    )
)
chats_of = Prepared(lambda: Conversation.objects.filter(Among("pk", "keys")))
insert = Insert(Click, ["delivery_id", "button", "person_id", "at"], skip=True, returning=("id",))
said = Update(Message, ["text", "conversation_id"])


def is_click(case: Case) -> bool:
    """Is this message a click or a form that was sent?"""
    return case.message.kind in CLICKS


def acknowledge(cases: Iterable[Case]) -> None:
    """Let the platforms' clients know that the clicks arrived; nothing waits for it."""
    for case in filter(is_click, cases):
        message = case.message
        chat = message.conversation
        extra = message.payload.get("extra") or {}
        place = Place(
            chat.chat_id, chat.chat_type, message.platform_message_id, message.sender_id, extra
        )
        courtesy.acknowledge(message.bot, place)


def resolve(cases: Sequence[Case]) -> None:
    """Find the button of each click; refuse those that are not ours, gone, or used."""
    clicked = [c for c in cases if c.open and c.person is not None and is_click(c)]
    if not clicked:
        return
    named = {case.message.pk: _named(case) for case in clicked}
    keys = {one.delivery for one in named.values() if one}
    shown = {row.pk: row for row in cards_of.instances(keys=keys)} if keys else {}
    used = _used(keys) if keys else {}
    for case in clicked:
        _find(case, named[case.message.pk], shown, used)
    _go_home(clicked)
    _recall_forms([c for c in clicked if c.open and c.press and c.press.form])


def _named(case: Case) -> clicks.Named | None:
    token = (case.message.payload.get("extra") or {}).get("action")
    return clicks.read(token, case.message.bot_id) if isinstance(token, str) else None


def _used(keys: Iterable[int]) -> Used:
    rows = used_of.rows(keys=set(keys))
    return {(card, button): (at, shown or name or "") for card, button, at, shown, name in rows}


def _find(case: Case, named: clicks.Named | None, shown: dict[int, Delivery], used: Used) -> None:
    if named is None:
        _refuse(case, words.NOT_A_BUTTON, "not_genuine")
        return
    row = shown.get(named.delivery)
    if row is None:
        _refuse(case, words.BUTTON_GONE, "gone")
    elif row.bot_id != case.message.bot_id or _elsewhere(case, row):
        _refuse(case, words.NOT_A_BUTTON, "elsewhere")
    else:
        card = _card(row)
        button = clicks.button_of(card, named.button)
        form = card.form if card.form and button == card.form.submit else None
        case.press = Press(row, named.button, button, form)
        if button is not None:
            case.message.text = button.cmd
        if before := used.get((row.pk, named.button)):
            _refuse_used(case, *before)
        elif button is None or row.created_at < case.now - LIFE:
            _refuse(case, words.BUTTON_GONE, "gone")


def _elsewhere(case: Case, row: Delivery) -> bool:
    """Was it clicked where the card is not? Some platforms do not say where a click was."""
    if row.private_to:
        return row.private_to != case.message.sender_id
    chat = case.message.conversation.chat_id
    # A platform may have shown it elsewhere than it was asked to, and says so (`Sent.context`).
    shown = {row.chat_id, row.context.get("channel")}
    return chat not in shown and not chat.startswith(NOWHERE)


def _unplaced(case: Case, row: Delivery) -> bool:
    chat = case.message.conversation.chat_id
    if chat.startswith(NOWHERE):
        return True
    named = chat == case.message.sender_id == row.context.get("channel")
    return named and row.chat_type == "private" and not row.private_to


def _card(row: Delivery) -> Card:
    try:
        return Card.from_json(row.card)
    except BadCard:
        return Card()


def _go_home(clicked: Iterable[Case]) -> None:
    """A click that names no chat, or only the person in it, happened where its card is."""
    lost = [c for c in clicked if c.press and _unplaced(c, c.press.delivery)]
    keys = {c.press.delivery.conversation_id for c in lost if c.press}
    chats = {chat.pk: chat for chat in chats_of.instances(keys=keys)} if keys else {}
    for case in lost:
        found = case.press and chats.get(case.press.delivery.conversation_id or 0)
        if found:
            case.message.conversation = found


def _recall_forms(cases: Sequence[Case]) -> None:
    """A sent form answers the question of the job that it names."""
    numbers = {_number(case) for case in cases}
    if not numbers:
        return
    open_jobs: dict[str, Job] = {
        job.number: job for job in jobs.asked_by_number.instances(numbers=numbers, now=cases[0].now)
    }
    for case in cases:
        job = open_jobs.get(_number(case))
        if job is None:
            _refuse(case, words.FORM_OVER, "form_over")
        elif case.person is None or job.person_id != case.person.pk:
            _refuse(case, words.NOT_YOUR_FORM, "not_yours")
        else:
            case.asking = job


def _number(case: Case) -> str:
    return case.message.text.removeprefix(FILL)


def values_of(case: Case) -> dict[str, str]:
    """What was typed into the inputs of the form, nothing else."""
    given = (case.message.payload.get("extra") or {}).get("values")
    form = case.press.form if case.press else None
    if not isinstance(given, dict) or form is None:
        return {}
    texts = ((one.name, given.get(one.name)) for one in form.inputs)
    return {name: text[:MOST_TYPED] for name, text in texts if isinstance(text, str)}


def take(case: Case) -> bool:
    """Use the button up, in the caller's transaction; False when somebody was faster.

    Whoever else clicks it meanwhile waits until this transaction ends.
    """
    press = case.press
    if press is None or press.button is None or not press.button.once:
        return True
    person = case.person.pk if case.person else None
    if insert.run([(press.delivery.pk, press.name, person, case.now)]):
        return True
    found = _used([press.delivery.pk]).get((press.delivery.pk, press.name))
    _refuse_used(case, *(found or (case.now, "")))
    return False


def give_back(case: Case) -> None:
    """What the click said was refused: it did not use the button up."""
    if case.press and case.press.button and case.press.button.once:
        Click.objects.filter(delivery=case.press.delivery, button=case.press.name).delete()


def keep(cases: Iterable[Case]) -> None:
    """Write down what clicks said and brought, in the caller's transaction."""
    pressed = [case for case in cases if case.press]
    if not pressed:
        return
    said.run([(c.message.pk, c.message.text, c.message.conversation.pk) for c in pressed])
    for case in sorted(pressed, key=lambda one: one.press.delivery.pk if one.press else 0):
        _keep_context(case)


def _keep_context(case: Case) -> None:
    """What a click brings for answering and editing (a token of the platform) goes to its card."""
    extra = case.message.payload.get("extra") or {}
    wanted = get_platform(case.message.bot.platform).context_keys
    brought: dict[str, Any] = {k: extra[k] for k in wanted if extra.get(k) is not None}
    if brought and case.press:
        row = Delivery.objects.select_for_update().only("context").get(pk=case.press.delivery.pk)
        row.context = {**row.context, **brought}
        row.save(update_fields=["context"])


def _refuse_used(case: Case, at: datetime, who: str) -> None:
    who = who or words.SOMEBODY.in_(case.language)
    _refuse(case, words.BUTTON_USED, "used", who=who, at=words.time_of_day(at))


def _refuse(case: Case, text: Text, reason: str, **values: object) -> None:
    """Say so to whoever clicked, alone where the platform can; nothing runs."""
    case.audit("click.refused", "refused", reason=reason)
    alone = get_platform(case.message.bot.platform).abilities.private
    in_group = case.message.conversation.chat_type != "private"
    case.answer(
        words.refused(text.in_(case.language).format(**values)),
        state="refused",
        reason=f"click:{reason}",
        private=alone and in_group,
    )
