"""A strict stand-in of Slack's Web API and Socket Mode, for tests and for trying things out."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from apps.simulate.desk import Push, Seen
from apps.simulate.server import Answer, Call
from apps.simulate.slack_blocks import BadBlocks, check_blocks, elements, parsed, texts, too_long
from apps.simulate.slack_people import (
    BOT_ID,
    BOT_USER,
    FORM,
    TEAM,
    Channel,
    SlackPeople,
    in_envelope,
)
from apps.simulate.slack_socket import SocketMode

MAX_TEXT = 40_000
METADATA = 8 * 1024
_SIGN_IN = b"<!DOCTYPE html><title>Sign in | Slack</title>"
#: What each method takes, what it needs, and which scope it wants.
METHODS: dict[str, tuple[set[str], set[str], str]] = {
    "auth.test": (set(), set(), ""),
    "chat.postMessage": (
        {"text", "blocks", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media", "metadata"},
        {"channel"},
        "chat:write",
    ),
    "chat.update": ({"text", "blocks", "metadata"}, {"channel", "ts"}, "chat:write"),
    "conversations.open": (set(), {"users"}, "im:write"),
    "conversations.history": (
        {"oldest", "latest", "limit", "cursor", "include_all_metadata"},
        {"channel"},
        "history",
    ),
    "conversations.replies": (
        {"oldest", "latest", "limit", "cursor", "include_all_metadata"},
        {"channel", "ts"},
        "history",
    ),
    "files.getUploadURLExternal": ({"alt_txt"}, {"filename", "length"}, "files:write"),
    "files.completeUploadExternal": (
        {"channel_id", "thread_ts", "initial_comment"},
        {"files"},
        "files:write",
    ),
    "files.info": (set(), {"file"}, "files:read"),
    "reactions.add": (set(), {"channel", "timestamp", "name"}, "reactions:write"),
    "apps.connections.open": (set(), set(), "connections:write"),
}
#: Methods that understand a form only.
FORM_ONLY = {"files.getUploadURLExternal", "files.info"}
SCOPES = {
    *("chat:write", "app_mentions:read", "im:history", "im:write", "channels:history"),
    *("groups:history", "files:read", "files:write", "reactions:write"),
}


class Refusal(Exception):
    """An error answer in the making."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body = {"ok": False, "error": error, **more}


class SlackStand(SlackPeople):
    """One workspace with one app. Tests may change `scopes`, `limits` and the channels."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.bot_token, self.app_token = "xoxb-stand-0123456789", "xapp-stand-0123456789"
        self.scopes, self.app_scopes = set(SCOPES), {"connections:write"}
        #: (calls, seconds) of a method, in each channel where it names one.
        self.limits: dict[str, tuple[int, float]] = {}
        self.socket_mode = True
        self.reactions: list[tuple[str, str, str]] = []
        self.socket = SocketMode()
        self._uploads: dict[str, dict[str, Any]] = {}
        self._made: dict[tuple[str, str], list[float]] = defaultdict(list)

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that talks to this stand."""
        return {
            "api_base": f"{self.url}/api",
            "bot_token": self.bot_token,
            "signing_secret": self.signing_secret,
            "app_token": self.app_token,
            "bot_user_id": BOT_USER,
            "max_skew_s": 300,
        } | changes

    # ---- what is seen ----

    def visible(self) -> list[Seen]:
        """The bot's messages, oldest first."""
        mine = [
            _seen(channel, one, self.contents)
            for channel in self.channels.values()
            for one in list(channel.messages)
            if one.get("bot_id")
        ]
        return sorted(mine, key=lambda seen: tuple(map(int, seen.message_id.split("."))))

    def answers_to(self, push: Push) -> list[Seen]:
        """In a channel the replies in its thread; in private what came after it."""
        asked = next((c for c in self.channels.values() if c.find(push.message_id)), None)
        if asked is None:
            return []
        later = [s for s in self.visible() if s.chat == asked.id]
        if asked.id.startswith("D"):
            return [s for s in later if _order(s.message_id) > _order(push.message_id)]
        return [s for s in later if s.reply_to == push.message_id]

    # ---- the Web API ----

    def respond(self, call: Call) -> Answer:
        """Route one call; refusals are answered as Slack does, with 200."""
        if call.path.startswith("/files-pri/"):
            return self._download(call)
        if call.path.startswith("/upload/"):
            return self._upload(call)
        method = call.path.removeprefix("/api/")
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        try:
            given = self._given(call, method)
            if wait := self._over(method, given):
                return self.too_many(wait)
            return Answer(200, {"ok": True} | self._calls()[method](given), headers)
        except Refusal as refusal:
            return Answer(200, refusal.body, headers)

    def _calls(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {
            "auth.test": self._auth,
            "chat.postMessage": self._post,
            "chat.update": self._edit,
            "conversations.open": self._open_private,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "files.getUploadURLExternal": self._upload_address,
            "files.completeUploadExternal": self._share,
            "files.info": self._info,
            "reactions.add": self._react,
            "apps.connections.open": self._open_socket,
        }

    def _given(self, call: Call, method: str) -> dict[str, Any]:
        """The arguments of a call, once its token, scope and names were found right."""
        if method not in METHODS or call.method != "POST":
            raise Refusal("unknown_method")
        optional, required, scope = METHODS[method]
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        app_level = method == "apps.connections.open"
        if scheme != "Bearer" or not token:
            raise Refusal("not_authed")
        if token not in {self.bot_token, self.app_token}:
            raise Refusal("invalid_auth")
        if token != (self.app_token if app_level else self.bot_token):
            raise Refusal("not_allowed_token_type")
        given = _arguments(call, method)
        if unknown := set(given) - optional - required:
            raise Refusal("invalid_arg_name", response_metadata={"messages": sorted(unknown)})
        if missing := required - set(given):
            raise Refusal("invalid_arguments", response_metadata={"messages": sorted(missing)})
        if scope == "history":
            kind = str(given["channel"])[:1]
            scope = {"D": "im:history", "G": "groups:history"}.get(kind, "channels:history")
        if scope and scope not in (self.app_scopes if app_level else self.scopes):
            raise Refusal("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))
        return given

    def _over(self, method: str, given: dict[str, Any]) -> int:
        """Seconds to wait when a method was called too often; 0 when it may be called."""
        if method not in self.limits:
            return 0
        count, seconds = self.limits[method]
        made, now = self._made[method, str(given.get("channel", ""))], time.monotonic()
        made[:] = [at for at in made if at > now - seconds]
        if len(made) >= count:
            return max(1, round(made[0] + seconds - now))
        made.append(now)
        return 0

    def _auth(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT_ID, "user": "clawdbot"}

    def _channel(self, name: Any) -> Channel:
        channel = self.channels.get(str(name))
        if channel is None:
            raise Refusal("channel_not_found")
        if BOT_USER not in channel.members:
            raise Refusal("not_in_channel")
        return channel

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given["channel"])
        message = _content(given) | {"user": BOT_USER, "bot_id": BOT_ID, "ts": self.stamp()}
        if "thread_ts" in given:
            message["thread_ts"] = _thread(channel, given["thread_ts"])
        channel.messages.append(message)
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def _edit(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given["channel"])
        message = channel.find(given["ts"])
        if message is None:
            raise Refusal("message_not_found")
        if message.get("bot_id") != BOT_ID:
            raise Refusal("cant_update_message")
        message.pop("metadata", None)
        message |= _content(given) | {"edits": message.get("edits", 0) + 1}
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"]}

    def _open_private(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self.private.get(given["users"])
        if channel is None:
            raise Refusal("user_not_found")
        return {"channel": {"id": channel.id}}

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        """The newest first; what stands in threads is not among it."""
        messages = [
            one
            for one in self._channel(given["channel"]).messages
            if one.get("thread_ts", one["ts"]) == one["ts"] and _in_range(one, given)
        ]
        return _page(messages[::-1], given)

    def _replies(self, given: dict[str, Any]) -> dict[str, Any]:
        """The message that began a thread, then its replies."""
        channel = self._channel(given["channel"])
        root = channel.find(given["ts"])
        if root is None:
            raise Refusal("thread_not_found")
        replies = [one for one in channel.messages if one.get("thread_ts") == given["ts"]]
        return _page([root, *(one for one in replies if _in_range(one, given))], given)

    def _react(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given["channel"])
        if channel.find(given["timestamp"]) is None:
            raise Refusal("message_not_found")
        reaction = (channel.id, given["timestamp"], given["name"])
        if reaction in self.reactions:
            raise Refusal("already_reacted")
        self.reactions.append(reaction)
        return {}

    # ---- files ----

    def _upload_address(self, given: dict[str, Any]) -> dict[str, Any]:
        if not str(given["length"]).isdigit() or int(given["length"]) < 1 or not given["filename"]:
            raise Refusal("invalid_arguments")
        one = self.keep(b"", given["filename"])
        self._uploads[one["id"]] = {"length": int(given["length"]), "done": False}
        return {"file_id": one["id"], "upload_url": f"{self.url}/upload/v1/{one['id']}"}

    def _upload(self, call: Call) -> Answer:
        key = call.path.rpartition("/")[2]
        wanted = self._uploads.get(key)
        if "authorization" in call.headers or call.method != "POST" or wanted is None:
            return Answer(400, b"no such upload", {"content-type": "text/plain"})
        if len(call.body) != wanted["length"]:
            return Answer(500, b"wrong length", {"content-type": "text/plain"})
        self.contents[key] = call.body
        self.files[key]["size"] = len(call.body)
        wanted["done"] = True
        return Answer(200, f"OK - {len(call.body)}".encode(), {"content-type": "text/plain"})

    def _share(self, given: dict[str, Any]) -> dict[str, Any]:
        listed = parsed(given["files"])
        for one in listed:
            upload = self._uploads.pop(one["id"], None)
            if upload is None or not upload["done"]:
                raise Refusal("file_not_found")
            self.files[one["id"]]["title"] = one.get("title", "")
        shared = [self.files[one["id"]] for one in listed]
        if "channel_id" in given:
            channel = self._channel(given["channel_id"])
            message: dict[str, Any] = {"type": "message", "user": BOT_USER, "bot_id": BOT_ID}
            message |= {"text": "", "ts": self.stamp(), "files": shared}
            if "thread_ts" in given:
                message["thread_ts"] = _thread(channel, given["thread_ts"])
            channel.messages.append(message)
        return {"files": shared}

    def _info(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["file"] not in self.files:
            raise Refusal("file_not_found")
        return {"file": self.files[given["file"]]}

    def _download(self, call: Call) -> Answer:
        """Who may not read a file is asked to sign in, with status 200."""
        key = call.path.split("/")[2].removeprefix(f"{TEAM}-")
        token = call.headers.get("authorization", "")
        if token != f"Bearer {self.bot_token}" or "files:read" not in self.scopes:
            return Answer(200, _SIGN_IN, {"content-type": "text/html; charset=utf-8"})
        if key not in self.files:
            return Answer(404, b"", {"content-type": "text/plain"})
        return Answer(200, self.contents[key], {"content-type": self.files[key]["mimetype"]})

    # ---- Socket Mode ----

    def _open_socket(self, given: dict[str, Any]) -> dict[str, Any]:
        if not self.socket_mode:
            raise Refusal("socket_mode_not_enabled")
        return {"url": self.socket.address()}

    async def listen_more(self) -> None:
        """Socket Mode has a port of its own."""
        await self.socket.open()

    async def hang_up_more(self) -> None:
        """All sockets end with the stand."""
        await self.socket.close()

    def by_socket(self, push: Push, *, retry: int = 0) -> str:
        """Send through a socket what would be pushed; returns the envelope's id."""
        kind, payload = in_envelope(push)
        return self.wait_for(self.socket.push(kind, payload, retry=retry))

    def through_connection(self, push: Push) -> bytes | None:
        """In an envelope, as soon as there is a socket to carry it."""
        if not self.socket.live:
            return None
        envelope = self.by_socket(push)
        self.wait_for(self.socket.acknowledged(envelope))
        return envelope.encode()


def _arguments(call: Call, method: str) -> dict[str, Any]:
    kind = call.headers.get("content-type", "")
    if kind.startswith(FORM):
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    if not kind.startswith("application/json") or method in FORM_ONLY:
        raise Refusal("invalid_form_data")
    try:
        body = call.json()
    except ValueError as error:
        raise Refusal("invalid_json") from error
    if not isinstance(body, dict):
        raise Refusal("json_not_object")
    return body


def _content(given: dict[str, Any]) -> dict[str, Any]:
    """Text, blocks and metadata of a message, as far as Slack would show them."""
    text, blocks = given.get("text", ""), parsed(given.get("blocks") or [])
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > MAX_TEXT:
        raise Refusal("msg_too_long")
    try:
        check_blocks(blocks)
    except (BadBlocks, KeyError, TypeError) as error:
        raise Refusal("invalid_blocks", response_metadata={"messages": [str(error)]}) from error
    if too_long(blocks):
        raise Refusal("msg_blocks_too_long")
    content = {"type": "message", "text": text, "blocks": blocks}
    if "metadata" in given:
        content["metadata"] = _metadata(given["metadata"])
    return content


def _metadata(given: Any) -> dict[str, Any]:
    fine = isinstance(given, dict) and set(given) == {"event_type", "event_payload"}
    if not fine or not re.fullmatch(r"\w{1,255}", str(given["event_type"])):
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(given)) > METADATA:
        raise Refusal("metadata_too_large")
    return dict(given)


def _thread(channel: Channel, stamp: Any) -> str:
    if channel.find(str(stamp)) is None:
        raise Refusal("thread_not_found")
    return str(stamp)


def _order(stamp: str) -> tuple[int, ...]:
    return tuple(map(int, stamp.split(".")))


def _in_range(message: dict[str, Any], given: dict[str, Any]) -> bool:
    oldest = str(given.get("oldest") or "0.0")
    return _order(message["ts"]) > _order(oldest)


def _page(messages: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    limit, start = int(given.get("limit") or 100), int(given.get("cursor") or 0)
    hidden = set() if given.get("include_all_metadata") == "true" else {"metadata"}
    page = [
        {name: value for name, value in one.items() if name not in hidden}
        for one in messages[start : start + limit]
    ]
    more = start + limit < len(messages)
    cursor = str(start + limit) if more else ""
    return {
        "messages": page,
        "has_more": more,
        "response_metadata": {"next_cursor": cursor},
    }


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _seen(channel: Channel, message: dict[str, Any], contents: dict[str, bytes]) -> Seen:
    blocks = message.get("blocks") or []
    found = [one for block in blocks for one in elements(block)]
    return Seen(
        message["ts"],
        channel.id,
        _unescaped("\n".join(texts(blocks)) if blocks else message["text"]),
        buttons=[
            (_unescaped(one["text"]["text"]), one.get("value", ""))
            for one in found
            if one["type"] == "button"
        ],
        inputs=[one["action_id"] for one in found if one["type"] != "button"],
        files=[(one["title"], contents[one["id"]]) for one in message.get("files", [])],
        reply_to=message.get("thread_ts", ""),
        edits=message.get("edits", 0),
        raw=message,
    )
