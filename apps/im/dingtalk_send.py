"""Shows an answer in DingTalk: at its message's own address, by the robot's API, or as a card.

An answer goes out as one or more parts. What was shown is kept with the delivery (`done` of an
error), so that the next attempt goes on where this one stopped: only cards have a key by which
DingTalk knows a repeat.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from apps.core import clock, strictjson
from apps.core.i18n import both
from apps.im import attempt, cards, dingtalk_api, dingtalk_card, dingtalk_crypto, dingtalk_files
from apps.im.cards import Card
from apps.im.dingtalk_api import CardExists, CardRefused, SessionRefused
from apps.im.errors import BotBroken, DeliveryError, Later, Permanent, UnknownOutcome
from apps.im.shapes import Media, Outgoing, SendContext, Sent

log = structlog.get_logger(__name__)
CARDS = "/v1.0/card/instances"
CREATE = f"{CARDS}/createAndDeliver"
REGISTER = "/v1.0/card/callbacks/register"
TO_PERSON = "/v1.0/robot/oToMessages/batchSend"
TO_GROUP = "/v1.0/robot/groupMessages/send"

#: A reply address is used until this long before its end.
_MARGIN_MS = 60_000
#: For so long it is remembered that the address for clicks was registered.
_REGISTERED_S = 86400.0
#: Names people of other companies have; only a reply address leads to them.
_FOREIGN = "$:"
#: What stands for the id of a message that cannot be edited.
_FIXED = "text-"
_PARTS, _DOUBT, _FIRST = "parts_shown", "part_in_doubt", "first_part"
_CARD = "card_refused"

_NO_WAY = (
    "nobody to write to: DingTalk wants the person's staff id, which people of other companies "
    "do not have, and there is no valid reply address"
)
_NO_FILE = both("文件 {name} 无法在这里显示：{why}", "The file {name} cannot be shown here: {why}")


@dataclass(frozen=True)
class Target:
    """Where one answer goes: a reply address while it is valid, a person, or a group."""

    reply_url: str = ""
    staff_id: str = ""
    group_id: str = ""

    @property
    def by_api(self) -> bool:
        """Can the robot's API reach it?"""
        return bool(self.staff_id or self.group_id)


Part = Callable[[bool], Awaitable[str]]


async def send(ctx: SendContext, out: Outgoing) -> Sent:
    """Show a new message. Raises the errors of `Platform.send`."""
    target = target_of(out)
    if out.role == "progress" and not _template(ctx):
        return await _first_sign(ctx, out, target)
    name = await _in_order(out, _parts(ctx, out, target))
    # A click in a private chat names the person, not the chat.
    return Sent(name, {"channel": target.staff_id} if name == out.key and target.staff_id else {})


async def update(ctx: SendContext, out: Outgoing) -> Sent:
    """Change a card in place; a message that is no card stays as it is, which is no fault."""
    if out.platform_message_id != out.key:
        return Sent(out.platform_message_id)
    await _put(ctx, out)
    return Sent(out.platform_message_id)


def target_of(out: Outgoing) -> Target:
    """Where this answer goes. A private word in a group goes to the person, never to the group."""
    private = bool(out.private_to) or out.chat_type == "private"
    staff_id = str(out.private_to or out.context.get("staff_id") or _staff_of(out.chat_id))
    in_place = out.chat_type == "private" or not out.private_to
    return Target(
        reply_url=_reply_url(out) if in_place else "",
        staff_id="" if not private or staff_id.startswith(_FOREIGN) else staff_id,
        group_id="" if private else out.chat_id,
    )


def _staff_of(chat_id: str) -> str:
    """Whom a private chat is with, where its id says so: a click may name no chat."""
    return "" if chat_id.startswith("cid") else chat_id


def _reply_url(out: Outgoing) -> str:
    url, ends = out.context.get("reply_url"), out.context.get("reply_url_expires_ms")
    if not (isinstance(url, str) and isinstance(ends, int)):
        return ""
    return url if ends > clock.timestamp() * 1000 + _MARGIN_MS else ""


def _template(ctx: SendContext) -> str:
    return str(ctx.config.get("card_template_id") or "")


async def _first_sign(ctx: SendContext, out: Outgoing, target: Target) -> Sent:
    """Progress without a card template: nothing can be edited, so it is said once and left.

    Only where it costs nothing: each call of the API counts against the company's month.
    """
    if target.reply_url:
        try:
            await _say(ctx, out, replace(target, staff_id="", group_id=""), out.shown())
        except SessionRefused as error:
            log.info("dingtalk.no_progress", error=str(error))
    return Sent(_FIXED + out.key)


def _parts(ctx: SendContext, out: Outgoing, target: Target) -> list[Part]:
    """What is shown, in its order."""
    card = cards.shown(out.card, out.text, repeat=False, language=out.language)
    wants_card = bool(card.buttons) or out.role == "progress"
    if wants_card and _template(ctx) and target.by_api and not out.context.get(_CARD):
        parts = _card_parts(ctx, out, target, card)
    else:
        parts = _text_parts(ctx, out, target, card)
    return [*parts, *(_file_part(ctx, out, target, media) for media in out.files)]


def _card_parts(ctx: SendContext, out: Outgoing, target: Target, card: Card) -> list[Part]:
    """A card; the whole answer follows as text when it was too long for one."""
    fitted = dingtalk_card.fitted(card, out.language)

    followed = bool(fitted.rest) and out.role != "progress"

    async def show(repeat: bool) -> str:
        try:
            return await _create(ctx, out, target, fitted.card)
        except BotBroken:
            raise
        except Permanent as error:  # this template, this permission, this month's calls
            log.warning("dingtalk.card_refused", code=error.vendor_code, error=str(error))
        try:
            words = Card(card.title, buttons=card.buttons) if followed else card
            return await _say(ctx, out, target, words)
        except DeliveryError as error:
            # DingTalk may have kept the card that nobody sees: the next attempt is not to take
            # that for an answer.
            error.done[_CARD] = True
            raise

    if not followed:
        return [show]
    # The card alerts whom it is for; what follows need not do so again.
    rest = _text_parts(ctx, replace(out, mention="", mention_name=""), target, card)
    return [show, *rest]


def _text_parts(ctx: SendContext, out: Outgoing, target: Target, card: Card) -> list[Part]:
    """The whole answer as words; the first message alerts whom it is for."""
    head = dingtalk_card.title(card, out.language)
    drawn = dingtalk_card.markdown(card, out.language)
    later = replace(out, mention="", mention_name="")

    def part(text: str, told: Outgoing) -> Part:
        async def show(repeat: bool) -> str:
            return await _post(ctx, told, target, head, _marked(text, repeat, out.language))

        return show

    texts = dingtalk_card.pieces(drawn, head)
    return [part(text, later if number else out) for number, text in enumerate(texts)]


def _file_part(ctx: SendContext, out: Outgoing, target: Target, media: Media) -> Part:
    async def show(repeat: bool) -> str:
        try:
            if not target.by_api:
                raise Permanent(_NO_WAY)
            key, param = await dingtalk_files.message(ctx, media)
            return await _by_api(ctx, target, key, param)
        except Permanent as error:
            # The answer itself was shown; what is missing from it is said in its place.
            log.warning("dingtalk.file_refused", code=error.vendor_code, error=str(error))
            words = _NO_FILE.format(name=media.name, why=str(error)).in_(out.language)
            return await _say(ctx, out, target, cards.answer(words))

    return show


async def _in_order(out: Outgoing, parts: list[Part]) -> str:
    """Show the parts that are not shown yet; returns the id of the very first."""
    held = out.context.get(_PARTS)
    start = held if isinstance(held, int) and 0 <= held <= len(parts) else 0
    doubt = out.context.get(_DOUBT, start)
    first = str(out.context.get(_FIRST) or "")
    for number in range(start, len(parts)):
        try:
            name = await parts[number](out.repeat and number == doubt)
        except DeliveryError as error:
            error.done |= {_PARTS: number, _FIRST: first}
            if isinstance(error, UnknownOutcome):
                error.done[_DOUBT] = number
            raise
        first = first or name
        attempt.note({_PARTS: number + 1, _FIRST: first})
    return first or _FIXED + out.key


def _marked(text: str, repeat: bool, language: str) -> str:
    """The text, with the words in front that say that it may have been shown before."""
    if not repeat:
        return text
    mark = cards.shown(Card(), " ", repeat=True, language=language).blocks[0]
    return f"{cards.block_text(mark)}\n\n{text}"


async def _say(ctx: SendContext, out: Outgoing, target: Target, card: Card) -> str:
    """Show a card as one message of words; what is too long for one is cut."""
    head = dingtalk_card.title(card, out.language)
    text = dingtalk_card.pieces(dingtalk_card.markdown(card, out.language), head)[0]
    return await _post(ctx, out, target, head, text)


async def _post(ctx: SendContext, out: Outgoing, target: Target, head: str, text: str) -> str:
    """One message of words: at the reply address, else by the API."""
    if target.reply_url:
        try:
            await dingtalk_api.post_reply(ctx, target.reply_url, _reply(out, head, text))
            return _FIXED + out.key
        except SessionRefused as error:
            if not target.by_api:
                raise
            log.info("dingtalk.session_refused", error=str(error))
    param = {"title": head, "text": _for_whom(out, text, out.mention_name)}
    return await _by_api(ctx, target, "sampleMarkdown", param)


def _reply(out: Outgoing, head: str, text: str) -> dict[str, Any]:
    """A message for a reply address; there people can be alerted."""
    reachable = out.chat_type == "group" and out.mention and not out.mention.startswith(_FOREIGN)
    at = {"at": {"atUserIds": [out.mention]}} if reachable else {}
    words = _for_whom(out, text, out.mention if reachable else out.mention_name)
    return {"msgtype": "markdown", "markdown": {"title": head, "text": words}} | at


def _for_whom(out: Outgoing, text: str, name: str) -> str:
    if out.chat_type != "group" or not name or out.private_to:
        return text
    return f"@{name}\n\n{text}"


async def _by_api(ctx: SendContext, target: Target, key: str, param: dict[str, Any]) -> str:
    """Send by the robot's API; returns the id of the sending, or a name of ours."""
    message = {"msgKey": key, "msgParam": strictjson.dumps(param)}
    body = {"robotCode": dingtalk_api.robot_code(ctx)} | message
    if target.group_id:
        there = {"openConversationId": target.group_id}
        answer = await dingtalk_api.request(ctx, "POST", TO_GROUP, body | there)
    elif target.staff_id:
        there_too = {"userIds": [target.staff_id]}
        answer = await dingtalk_api.request(ctx, "POST", TO_PERSON, body | there_too)
        _look_at(answer, target.staff_id)
    else:
        raise Permanent(_NO_WAY)
    name = answer.get("processQueryKey")
    return name if isinstance(name, str) and 0 < len(name) <= 200 else _FIXED + "sent"


def _look_at(answer: dict[str, Any], staff_id: str) -> None:
    """A 200 may have reached nobody."""
    if staff_id in _listed(answer, "flowControlledStaffIdList"):
        raise Later("the person gets too many messages", delay_s=dingtalk_api.QPS_S)
    for name in ("invalidStaffIdList", "filteredStaffIdList"):
        if staff_id in _listed(answer, name):
            raise Permanent("the robot may not write to this person", vendor_code=name)


def _listed(answer: dict[str, Any], name: str) -> list[Any]:
    value = answer.get(name)
    return value if isinstance(value, list) else []


async def _create(ctx: SendContext, out: Outgoing, target: Target, card: Card) -> str:
    """Make and show a card under the delivery's key; one that is there already is brought up to
    date. Raises `CardRefused` when it is not shown."""
    body = {
        "cardTemplateId": _template(ctx),
        "outTrackId": out.key,
        "cardData": {"cardParamMap": dingtalk_card.template_values(card)},
        "userIdType": 1,
        **await _callback(ctx),
        **_space(ctx, out, target),
    }
    try:
        answer = await dingtalk_api.request(ctx, "POST", CREATE, body)
    except CardExists:
        await _put(ctx, out)
        return out.key
    result = answer.get("result")
    for one in _listed(result if isinstance(result, dict) else {}, "deliverResults"):
        if isinstance(one, dict) and one.get("success") is False:
            raise CardRefused(str(one.get("errorMsg") or "not delivered")[:300])
    return out.key


def _space(ctx: SendContext, out: Outgoing, target: Target) -> dict[str, Any]:
    robot = {"robotCode": dingtalk_api.robot_code(ctx)}
    if target.staff_id:
        return {
            "openSpaceId": f"dtv1.card//IM_ROBOT.{target.staff_id}",
            "imRobotOpenSpaceModel": {"supportForward": False},
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", **robot},
        }
    alert = out.mention and not out.mention.startswith(_FOREIGN)
    at = {"atUserIds": {out.mention: out.mention_name or out.mention}} if alert else {}
    return {
        "openSpaceId": f"dtv1.card//IM_GROUP.{target.group_id}",
        "imGroupOpenSpaceModel": {"supportForward": False},
        "imGroupOpenDeliverModel": {**robot, **at},
    }


async def _put(ctx: SendContext, out: Outgoing) -> None:
    card = cards.shown(out.card, out.text, repeat=False, language=out.language)
    fitted = dingtalk_card.fitted(card, out.language)
    body = {
        "outTrackId": out.key,
        "cardData": {"cardParamMap": dingtalk_card.template_values(fitted.card)},
        "cardUpdateOptions": {"updateCardDataByKey": True},
    }
    await dingtalk_api.request(ctx, "PUT", CARDS, body, repeatable=True)


async def _callback(ctx: SendContext) -> dict[str, str]:
    """How clicks come back: through the long connection, or to the registered address."""
    if ctx.config.get("connection") == "stream":
        return {"callbackType": "STREAM"}
    name = dingtalk_api.account(ctx, f"clicks {ctx.facts.address}")

    async def fetch() -> tuple[str, float]:
        return await register(ctx), _REGISTERED_S

    try:
        key = await ctx.tokens.get(name, fetch) if ctx.facts.address else route_key(ctx)
    except UnknownOutcome as error:  # nothing was shown yet
        raise Later(f"the address for clicks: {error}") from error
    return {"callbackType": "HTTP", "callbackRouteKey": key}


async def register(ctx: SendContext) -> str:
    """Tell DingTalk where clicks go, and the secret that signs them; returns the route's key."""
    secret = dingtalk_crypto.card_secret(str(ctx.config["app_secret"]))
    body = {
        "callbackRouteKey": route_key(ctx),
        "callbackUrl": ctx.facts.address,
        "apiSecret": secret,
        "forceUpdate": True,
    }
    await dingtalk_api.request(ctx, "POST", REGISTER, body, repeatable=True)
    return route_key(ctx)


def route_key(ctx: SendContext) -> str:
    """The name under which this app's address for clicks is registered."""
    return f"clawdbot-{ctx.config['app_key']}"
