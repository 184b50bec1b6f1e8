"""Matrix: an application service at a company's own homeserver.

Unencrypted rooms only: what is encrypted end to end a service cannot read, and the bot says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from apps.core.i18n import Text, both
from apps.im import (
    matrix_api,
    matrix_checks,
    matrix_events,
    matrix_rooms,
    matrix_send,
    matrix_watch,
)
from apps.im.base import (
    Abilities,
    Check,
    Heard,
    InboundRequest,
    Link,
    Media,
    Outgoing,
    Permanent,
    Place,
    Platform,
    Received,
    SendContext,
    Sent,
    Setting,
    accept,
    challenge,
    ignore,
    reject,
)
from apps.im.matrix_api import Forbidden, part
from apps.im.payload import Malformed

TYPING_MS = 10_000
_ENCRYPTED = both(
    "这个房间是端到端加密的，我读不到这里的消息。请另建一个不加密的房间，再邀请我。",
    "This room is end-to-end encrypted, so I cannot read what is said here. "
    "Please make a room without encryption and invite me there.",
)
_STRANGER = both(
    "我只接受已绑定的人的邀请，请管理员绑定你的账号",
    "I join rooms of people I know; ask an administrator to bind your account",
)


class Matrix(Platform):
    """A homeserver sends us the events of the rooms in which the bot is."""

    name = "matrix"
    labels = both("Matrix", "Matrix")
    # Repeats of a transaction id are known for a day (see matrix_api); the sender of a service is
    # not limited by the server. An edit is an event that everybody's client gets and keeps.
    abilities = Abilities(
        edits=True,
        signs=True,
        fetches=True,
        files=True,
        max_file=20 * 1024 * 1024,
        idempotency=24 * 3600,
        chat_rates=((10, 1),),
        edit_rates=((1, 1),),
    )
    settings: ClassVar = (
        Setting(
            "as_token",
            both("as_token", "as_token"),
            secret=True,
            required=True,
            help=both(
                "注册文件里的 as_token：我们调用服务器时用。",
                "As in the registration file: what we call the homeserver with.",
            ),
        ),
        Setting(
            "hs_token",
            both("hs_token", "hs_token"),
            secret=True,
            required=True,
            help=both(
                "注册文件里的 hs_token：服务器发来事件时用。",
                "As in the registration file: what the homeserver sends events with.",
            ),
        ),
        Setting(
            "user_id",
            both("机器人的 Matrix ID", "The bot's Matrix id"),
            required=True,
            help=both(
                "例如 @clawdbot:example.org，前半是注册文件的 sender_localpart。",
                "Such as @clawdbot:example.org; its name is the registration's sender_localpart.",
            ),
        ),
    )
    steps = both(
        "1. 用 openssl rand -hex 32 生成 as_token 和 hs_token，与 Matrix ID 一起填到这里，"
        "“接口地址”填服务器地址。\n"
        "2. 按 docs/platforms/matrix.zh-CN.md 写注册文件，url 填本页的地址（去掉末尾的 /）。\n"
        "3. 把注册文件加入服务器的 app_service_config_files，重启服务器。\n"
        "4. 绑定过的人建一个不加密的房间，邀请机器人。",
        "1. Make as_token and hs_token (openssl rand -hex 32) and enter them here with the bot's "
        "Matrix id; the API address is that of the homeserver.\n"
        "2. Write the registration file as in docs/platforms/matrix.md; its url is this address "
        "without the slash at its end.\n"
        "3. Name that file in the homeserver's app_service_config_files and restart it.\n"
        "4. Somebody who is bound makes a room without encryption and invites the bot.",
    )
    events_hint = both(
        "请核对注册文件的 url 和 namespaces。", "Look at the registration's url and namespaces."
    )
    context_keys = ("thread_id",)
    always_streams = True

    def all_settings(self) -> tuple[Setting, ...]:
        """There is no vendor: the homeserver's address has to be given."""
        base, *others = super().all_settings()
        address = Setting(
            base.name,
            both("服务器地址", "Homeserver address"),
            required=True,
            kind="url",
            help=both("例如 https://matrix.example.org", "Such as https://matrix.example.org"),
        )
        return (address, *others)

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Check the token, then read a transaction or say who we are."""
        try:
            matrix_events.authorize(config, request)
            what, name = matrix_events.route(request)
            if what == "transactions":
                return self._transaction(str(config.get("user_id") or ""), request.body, now)
        except matrix_events.Refused as error:
            return reject(error.reason)
        except Malformed:
            return reject("malformed")
        if what == "ping" or (what == "users" and name == config.get("user_id")):
            return challenge({})
        code = "M_NOT_FOUND" if what else "M_UNRECOGNIZED"
        answer = {"errcode": code, "error": "there is no such thing here"}
        return Received("ignore", 404, "unsupported_event", answer)

    def _transaction(self, bot: str, body: bytes, now: float) -> Received:
        events = matrix_events.transaction(body, now)
        found = [matrix_events.read(event, bot, self.name) for event in events]
        messages = [one.message for one in found if one.message is not None]
        if messages:
            return accept(*messages)
        return ignore(found[0].reason if found else "unsupported_event")

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """An id that no homeserver gives would never be recognised."""
        user = str(config.get("user_id") or "")
        usable = not user or matrix_checks.USER_ID.fullmatch(user)
        return [] if usable else [matrix_checks.BAD_USER_ID]

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Send a card, the whole answer after it when it was too long, then the files.

        Each event has its own transaction id made from the key.
        """
        if not _in_private(out):
            return await matrix_send.show(ctx, out, out.chat_id)
        room = await matrix_rooms.direct(ctx, out.private_to)
        try:
            return await matrix_send.show(ctx, out, room)
        except Forbidden:  # we are no longer in that room
            await matrix_rooms.forget(ctx, out.private_to, room)
            room = await matrix_rooms.direct(ctx, out.private_to)
            return await matrix_send.show(ctx, out, room)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Put a newer revision in the place of a message."""
        room = str(out.context.get("channel") or out.chat_id)
        await matrix_send.replace(ctx, out, room, out.platform_message_id)
        return Sent(out.platform_message_id)

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Watch beside the webhook for what the homeserver forgot to push."""
        await matrix_watch.keep(ctx, link, self.name)

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """Bring a file from the homeserver, which brings it from other servers."""
        address = str(attachment.get("key") or "")
        if not address.startswith("mxc://"):
            raise Permanent("no mxc address")
        data, mime = await matrix_api.download(ctx, address, limit)
        name = str(attachment.get("name") or "").replace("\\", "/").rpartition("/")[2]
        known = str(attachment.get("mime") or mime)
        return Media(data, name, known, int(attachment.get("duration_ms") or 0))

    async def sign(self, ctx: SendContext, place: Place) -> None:
        """Show that the bot is typing."""
        path = f"/rooms/{part(place.chat_id)}/typing/{part(matrix_api.bot(ctx))}"
        await matrix_api.request(ctx, "PUT", path, {"typing": True, "timeout": TYPING_MS})

    async def place_kind(self, ctx: SendContext, chat_id: str) -> str:
        """A room of one person and the bot is private."""
        return await matrix_rooms.kind(ctx, chat_id)

    async def on_event(self, ctx: SendContext, place: Place, *, known: bool) -> Heard:
        """Join where somebody we know invites us; notice who is in a room and what we can read."""
        match place.extra.get("event"):
            case matrix_events.INVITE if known:
                return await self._join(ctx, place)
            case matrix_events.INVITE:
                await matrix_rooms.decline(ctx, place.chat_id, f"{_STRANGER.zh} / {_STRANGER.en}")
            case matrix_events.ENCRYPTED:
                return Heard(say=_ENCRYPTED)
            case matrix_events.MEMBERS:
                return Heard(chat_type="")
        return Heard()

    async def _join(self, ctx: SendContext, place: Place) -> Heard:
        """Come in; done again, it tells nothing twice."""
        room = place.chat_id
        fresh = await matrix_rooms.join(ctx, room)
        kind = await matrix_rooms.kind(ctx, room)
        if await matrix_rooms.is_encrypted(ctx, room):
            return Heard(chat_type=kind, say=_ENCRYPTED if fresh else None)
        if kind == "private":
            await matrix_rooms.remember(ctx, place.sender_id, room)
        return Heard(chat_type=kind, messages=await matrix_rooms.missed(ctx, room, self.name))

    async def check(self, ctx: SendContext) -> list[Check]:
        """What the homeserver says of the tokens, the id and the way back to us."""
        return await matrix_checks.look(ctx)


def _in_private(out: Outgoing) -> bool:
    """Is this for one person of many?"""
    return bool(out.private_to) and out.chat_type != "private"
