"""A strict stand-in of Feishu's API, for tests and for trying things without an app id.

`with FeishuStand() as stand:` in a test; `python -m apps.simulate.feishu --port 9400` by hand.
"""

from __future__ import annotations

import argparse
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from apps.simulate import feishu_files
from apps.simulate.desk import Push, Seen
from apps.simulate.feishu_app import APPLICATION, App
from apps.simulate.feishu_cards import INPUTS, BadCard, check_card
from apps.simulate.feishu_people import GROUP, PEOPLE, FeishuPeople
from apps.simulate.feishu_signer import Signer
from apps.simulate.feishu_socket import ENDPOINT, LongConnection
from apps.simulate.server import Answer, Call

TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"
MESSAGES = "/open-apis/im/v1/messages"
BOT = "/open-apis/bot/v3/info"
KINDS = {"open_id", "user_id", "union_id", "email", "chat_id"}
SENT_KEYS = {"receive_id", "msg_type", "content", "uuid", "reply_in_thread"}
MAX_CARD = 30 * 1024
MAX_TEXT = 150 * 1024
UUID_MEMORY_S = 3600
FILED = {"image", "file", "audio"}


@dataclass
class Shown(Seen):
    """One message as people see it; `to` is what the call named, `chat` where it came to be."""

    to: str = ""
    msg_type: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    uuid: str = ""
    at: float = 0.0

    def draw(self, content: dict[str, Any]) -> None:
        """Show this content from now on."""
        self.content = self.raw = content
        self.text = words_of(content)
        self.buttons = list(_buttons(content))
        self.inputs = list(_inputs(content))

    @property
    def words(self) -> str:
        """All strings of the content, in order, without the JSON around them."""
        return self.text


@dataclass
class Refusal(Exception):
    """An error answer in the making."""

    code: int
    msg: str
    status: int = 400


@dataclass
class _State:
    tokens: dict[str, float] = field(default_factory=dict)
    shown: dict[str, Shown] = field(default_factory=dict)
    uuids: dict[str, tuple[str, float]] = field(default_factory=dict)


class FeishuStand(FeishuPeople):
    """One tenant with one app. `chats` and `users` are the ids that exist."""

    def __init__(self, port: int = 0, *, token_life_s: int = 7200) -> None:
        super().__init__(port)
        self.signer = Signer()
        self.app_secret = "stand-secret-0123456789"
        self.token_life_s = token_life_s
        self.people = dict(PEOPLE)
        self.sent_files = {}
        self.written_in = {}
        self.events = {}
        self.chats = {GROUP, *(self.chat_of(name) for name in self.people)}
        self.users = set(self.people.values())
        self.recalled: set[str] = set()
        self.long = LongConnection()
        self.app = App()
        self._state = _State()
        self.uploads = feishu_files.Uploads()
        self._numbers = itertools.count(1)

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that talks to this stand."""
        return {
            "api_base": self.url,
            "app_id": self.signer.app_id,
            "app_secret": self.app_secret,
            "encrypt_key": self.signer.encrypt_key,
            "verification_token": self.signer.verification_token,
            "bot_open_id": self.signer.bot_open_id,
            "max_skew_s": 3600,
        } | changes

    def visible(self, to: str = "") -> list[Shown]:
        """The messages that people see, in their order."""
        shown = list(self._state.shown.values())  # a copy: more may come meanwhile
        return [one for one in shown if to in {"", one.to}]

    def revoke_tokens(self) -> None:
        """Make every token invalid, as when the app's secret is reset."""
        self._state.tokens.clear()

    def forget_uuids(self) -> None:
        """As if an hour had gone by."""
        self._state.uuids.clear()

    def respond(self, call: Call) -> Answer:
        """Route one call; refusals become the vendor's error answers."""
        try:
            if "/resources/" in call.path:
                return self._resource(call)
            return Answer(200, {"code": 0, "msg": "success"} | self._route(call))
        except feishu_files.Refused as refused:
            code, msg = refused.args
            return Answer(400, {"code": code, "msg": msg})
        except Refusal as refusal:
            return Answer(refusal.status, {"code": refusal.code, "msg": refusal.msg})

    def _route(self, call: Call) -> dict[str, Any]:
        if (call.method, call.path) == ("POST", TOKEN):
            return self._token(_object(call))
        if (call.method, call.path) == ("POST", ENDPOINT):
            return self._endpoint(_object(call))
        self._authorize(call)
        if (call.method, call.path) == ("GET", BOT):
            bot = {"activate_status": 2, "app_name": "ClawdBot", "open_id": self.signer.bot_open_id}
            return {"bot": bot}
        if call.method == "GET" and call.path.startswith(APPLICATION):
            return self.app.told(call.path.removeprefix(APPLICATION))
        parts = call.path.removeprefix(MESSAGES).strip("/").split("/")
        if call.method == "POST" and call.path in {feishu_files.IMAGES, feishu_files.FILES}:
            return {"data": self.uploads.take(call)}
        if call.method == "POST" and call.path == MESSAGES:
            return self._send(call)
        if call.method == "POST" and len(parts) == 2 and parts[1] == "reply":
            return self._reply(call, unquote(parts[0]))
        if call.method == "PATCH" and len(parts) == 1 and parts[0]:
            return self._edit(call, unquote(parts[0]))
        raise Refusal(99991400 + 1, f"no such path {call.method} {call.path}", 404)

    async def listen_more(self) -> None:
        """The long connection's socket."""
        await self.long.open()

    def through_connection(self, push: Push) -> bytes | None:
        """The same event in a frame; it comes again when it was not acknowledged with 200."""
        if not self.long.live:
            return None
        ack = self.wait_for(self.long.push(self.events[push.body]))
        if ack.get("code") != 200:
            raise ConnectionError(f"not taken: {ack}")
        return json.dumps(ack).encode()

    async def hang_up_more(self) -> None:
        """Both at once, as a machine that goes off."""
        await self.long.close()

    def _endpoint(self, body: dict[str, Any]) -> dict[str, Any]:
        if (body.get("AppID"), body.get("AppSecret")) != (self.signer.app_id, self.app_secret):
            raise Refusal(514, "auth failed", 200)
        return {"data": {"URL": self.long.url, "ClientConfig": {"PingInterval": self.long.ping_s}}}

    def _resource(self, call: Call) -> Answer:
        """The bytes of something that a person sent, to whoever names the message and the key."""
        self._authorize(call)
        message_id, _, key = call.path.removeprefix(MESSAGES + "/").partition("/resources/")
        kind = "image" if key.startswith("img_") else "file"
        if call.method != "GET" or call.query.get("type") != kind:
            raise Refusal(234001, "Invalid request param.")
        found = self.sent_files.get((message_id, key))
        if found is None:
            raise Refusal(234003, "File not in msg.")
        return Answer(200, found[1], {"content-type": "application/octet-stream"})

    def _token(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("app_id") != self.signer.app_id:
            raise Refusal(10003, "invalid param", 200)
        if body.get("app_secret") != self.app_secret:
            raise Refusal(10014, "app secret invalid", 200)
        token = f"t-{uuid.uuid4().hex}"
        self._state.tokens[token] = time.time() + self.token_life_s
        return {"tenant_access_token": token, "expire": self.token_life_s}

    def _authorize(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(99991661, "Missing access token for authorization")
        if self._state.tokens.get(token, 0) < time.time():
            raise Refusal(99991663, "Invalid access token for authorization")

    def _send(self, call: Call) -> dict[str, Any]:
        how = call.query.get("receive_id_type", "")
        if how not in KINDS:
            raise Refusal(99992402, "field validation failed: receive_id_type")
        body = _object(call)
        to = body.get("receive_id")
        if how == "chat_id" and to not in self.chats:
            raise Refusal(230002, "Bot/User can NOT be out of the chat.")
        if how == "open_id" and to not in self.users:
            raise Refusal(230013, "Bot has NO availability to this user.")
        return self._show(call, body, str(to), "")

    def _reply(self, call: Call, target: str) -> dict[str, Any]:
        if target in self.recalled:
            raise Refusal(230011, "The message was withdrawn.")
        body = _object(call)
        if "receive_id" in body:
            raise Refusal(99992402, "field validation failed: receive_id")
        return self._show(call, body, f"reply:{target}", target)

    def _show(self, call: Call, body: dict[str, Any], to: str, target: str) -> dict[str, Any]:
        if set(body) - SENT_KEYS:
            raise Refusal(99992402, f"unknown fields {sorted(set(body) - SENT_KEYS)}")
        name = body.get("uuid", "")
        if not isinstance(name, str) or len(name) > 50:
            raise Refusal(99992402, "field validation failed: uuid max len is 50")
        content = _content(body, len(call.body))
        held = self._state.uuids.get(name)
        if name and held and time.time() - held[1] < UUID_MEMORY_S:
            return {"data": {"message_id": held[0]}}
        message_id = f"om_{next(self._numbers):06d}"
        shown = Shown(message_id, self._chat(to, target), "", to=to, reply_to=target)
        shown.msg_type, shown.uuid, shown.at = body["msg_type"], name, call.at
        shown.private_to = to if to in self.users else ""
        shown.draw(content)
        if shown.msg_type in FILED:
            shown.files = [self.uploads.shown(shown.msg_type, content)]
        self._state.shown[message_id] = shown
        if name:
            self._state.uuids[name] = (message_id, time.time())
        return {"data": {"message_id": message_id}}

    def _edit(self, call: Call, message_id: str) -> dict[str, Any]:
        shown = self._state.shown.get(message_id)
        if shown is None or shown.msg_type != "interactive":
            raise Refusal(230001, "ext=invalid message_id, or it is no card")
        body = _object(call)
        if set(body) != {"content"}:
            raise Refusal(99992402, "field validation failed")
        content = _content({**body, "msg_type": "interactive"}, len(call.body))
        for card in (shown.content, content):
            if card.get("config", {}).get("update_multi") is not True:
                raise Refusal(230001, "ext=the card is not shared (update_multi)")
        shown.draw(content)
        shown.edits += 1
        return {"data": {}}

    def _chat(self, to: str, target: str) -> str:
        """Where a message comes to be: a reply, where what it replies to was written."""
        private = {external: self.chat_of(name) for name, external in self.people.items()}
        return self.written_in.get(target, private.get(to, to))


def _object(call: Call) -> dict[str, Any]:
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(99991401 + 1, "content-type is not application/json")
    try:
        body = call.json()
    except ValueError as error:
        raise Refusal(9499, "Bad Request") from error
    if not isinstance(body, dict):
        raise Refusal(9499, "Bad Request")
    return body


def _content(body: dict[str, Any], size: int) -> dict[str, Any]:
    """The content of a message: a JSON object inside a string."""
    kind, text = body.get("msg_type"), body.get("content")
    if kind not in {"text", "interactive", *FILED} or not isinstance(text, str):
        raise Refusal(230001, "ext=invalid msg_type or content")
    if size > (MAX_TEXT if kind == "text" else MAX_CARD):
        raise Refusal(230025, "The length of the message content reaches its limit.")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise Refusal(230001, "ext=content is not a string in json format") from error
    if kind in FILED:
        return dict(content)
    if kind == "text":
        if not isinstance(content, dict) or not content.get("text"):
            raise Refusal(230001, "ext=text is empty")
        return content
    try:
        check_card(content)
    except (BadCard, KeyError, TypeError) as error:
        raise Refusal(230099, f"Failed to create card content, ext={error}") from error
    return dict(content)


def words_of(content: Any) -> str:
    """All strings of a content, in order, without the JSON around them."""
    return "\n".join(_strings(content))


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        skipped = {"tag", "template", "schema", "type", "data_type", "name", "summary", "width"}
        skipped |= {"flex_mode", "behaviors", "form_action_type", "text_align", "file_key"}
        # The header is on top, wherever it stands in the JSON.
        names = sorted(value, key=lambda name: name != "header")
        kept = [value[name] for name in names if name not in skipped]
        return [text for one in kept for text in _strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in _strings(one)]
    return [value] if isinstance(value, str) else []


def _buttons(value: Any) -> Iterator[tuple[str, str]]:
    """(label, what a click sends back, as JSON) of each button, in order."""
    if isinstance(value, dict):
        if value.get("tag") == "button":
            for behavior in value.get("behaviors", []):
                if behavior.get("type") == "callback":
                    sent = json.dumps(behavior["value"], ensure_ascii=False)
                    yield value["text"]["content"], sent
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _buttons(one)


def _inputs(value: Any) -> Iterator[str]:
    """The names of the inputs of a form."""
    if isinstance(value, dict):
        if value.get("tag") in INPUTS:
            yield value["name"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _inputs(one)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9400)
    stand = FeishuStand(parser.parse_args().port)
    with stand:
        settings = " ".join(f"{name}={value}" for name, value in stand.config().items())
        print(f"bot add feishu stand {settings}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
