"""A strict stand-in of Telegram's Bot API: one bot, three people, one forum group."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import unquote

from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.server import Answer, Call

PEOPLE = {"alice": "1001", "bob": "1002", "mallory": "1003"}
GROUP = "-1001987654321"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
LIMIT = 4096
POLLS_S = 60.0  # so long after the last getUpdates the bot counts as one that asks
METHODS = {
    "getMe", "getWebhookInfo", "setWebhook", "deleteWebhook", "getUpdates", "getFile",
    "sendMessage", "editMessageText", "sendChatAction", "answerCallbackQuery",
    "sendDocument", "sendPhoto", "sendVoice",
}  # fmt: skip
ENTITIES = {
    "bold", "italic", "code", "pre", "text_link", "text_mention", "underline", "strikethrough",
}  # fmt: skip


class Refusal(Exception):
    """An error answer in the making: its code, words and parameters."""

    def __init__(self, code: int, words: str, **parameters: Any) -> None:
        super().__init__(words)
        self.code, self.words, self.parameters = code, words, parameters


class TelegramStand(Desk):
    """`token` is the bot's; ids of users are positive, the group's is negative."""

    platform = "telegram"
    stream_config: Mapping[str, str] | None = {}
    group = GROUP

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.token = "7000000001:AAstand-token"
        self.secret_token = "stand_Secret-1"
        self.username = "ClawdStandBot"
        self.people = dict(PEOPLE)
        self.started = set(PEOPLE.values())  # who pressed Start
        self.moved: dict[str, str] = {}  # groups that became another
        self.topics = {"77"}
        self.webhook: dict[str, Any] = {}
        self.thanked: list[str] = []  # callback queries
        self.typing: list[str] = []
        self._polled_at = float("-inf")
        self.confirmed = 0  # updates below were confirmed by getUpdates
        self._pending: list[dict[str, Any]] = []
        self._files: dict[str, tuple[str, bytes]] = {}
        self._seen: dict[int, Seen] = {}
        self._numbers = itertools.count(100)
        self._updates = itertools.count(880001)
        self._lock = threading.Lock()

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that talks to this stand."""
        return {
            "api_base": self.url,
            "token": self.token,
            "secret_token": self.secret_token,
            "bot_username": self.username,
        } | changes

    # ---- people ----

    def add_person(self, name: str) -> None:
        """Who has pressed Start."""
        self.people[name] = str(1001 + len(self.people))
        self.started.add(self.people[name])

    def too_many(self, seconds: int) -> Answer:
        """Flood control says it in the body."""
        said = f"Too Many Requests: retry after {seconds}"
        body = {"ok": False, "error_code": 429, "description": said}
        return Answer(429, body | {"parameters": {"retry_after": seconds}})

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
        topic: str = "",
    ) -> Push:
        """A text; in the group with a mention in front, where commands need none."""
        words, entities = text, []
        if text.startswith("/"):
            name = text.split()[0] + (f"@{self.username}" if group and mention else "")
            words = name + text[len(text.split()[0]) :]
            entities = [{"type": "bot_command", "offset": 0, "length": _units(name)}]
        elif group and mention:
            words = f"@{self.username} {text}"
            entities = [{"type": "mention", "offset": 0, "length": _units(self.username) + 1}]
        message: dict[str, Any] = {"text": words, "entities": entities}
        if topic:
            message |= {"message_thread_id": int(topic), "is_topic_message": True}
        return self._written(message, who, group, message_id)

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """A press on an inline button; there are no forms."""
        chat = {"id": int(seen.chat), "type": "private" if int(seen.chat) > 0 else "supergroup"}
        query = {
            "id": f"q{next(self._numbers)}",
            "from": self._person(who),
            "chat_instance": "-1",
            "data": value,
            "message": {"message_id": int(seen.message_id), "chat": chat, "date": 1, "text": "x"},
        }
        return self._push({"callback_query": query})

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """A voice note, a photo by its name, or a document."""
        key = f"file{next(self._numbers)}"
        self._files[key] = (name, data)
        file: dict[str, Any] = {"file_id": key, "file_unique_id": key, "file_size": len(data)}
        if voice:
            file |= {"duration": 2, "mime_type": "audio/ogg"}
            return self._written({"voice": file}, who, False, "")
        if name.endswith((".png", ".jpg")):
            return self._written({"photo": [file | {"width": 90, "height": 90}]}, who, False, "")
        return self._written({"document": file | {"file_name": name}}, who, False, "")

    def visible(self) -> list[Seen]:
        """What people see, oldest first."""
        return list(self._seen.values())

    def _written(self, message: dict[str, Any], who: str, group: bool, message_id: str) -> Push:
        number = int(message_id or next(self._numbers))
        chat: dict[str, Any] = {"id": int(self.people[who]), "type": "private", "first_name": who}
        if group:
            chat = {"id": int(GROUP), "type": "supergroup", "title": "Group", "is_forum": True}
        whole = {
            "message_id": number, "from": self._person(who), "chat": chat, "date": 1, **message,
        }  # fmt: skip
        return self._push({"message": whole}, str(number))

    def _person(self, who: str) -> dict[str, Any]:
        return {"id": int(self.people[who]), "is_bot": False, "first_name": who.capitalize()}

    def _push(self, update: dict[str, Any], message_id: str = "") -> Push:
        whole = {"update_id": next(self._updates)} | update
        body = json.dumps(whole, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", SECRET_HEADER: self.secret_token}
        return Push(body, headers, message_id=message_id)

    def queue(self, push: Push) -> None:
        """Let getUpdates bring it instead of the webhook."""
        with self._lock:
            self._pending.append(json.loads(push.body))

    def through_connection(self, push: Push) -> bytes | None:
        """Wait for the next getUpdates, when the bot asks for its updates."""
        if time.monotonic() - self._polled_at > POLLS_S:
            return None
        self.queue(push)
        return b"getUpdates"

    # ---- the API ----

    def respond(self, call: Call) -> Answer:
        """Route one call; refusals become the vendor's error answers."""
        try:
            if call.path.startswith(f"/file/bot{self.token}/"):
                return self._file(call)
            return Answer(200, {"ok": True, "result": self._route(call)})
        except Refusal as refusal:
            error: dict[str, Any] = {
                "ok": False, "error_code": refusal.code, "description": refusal.words,
            }  # fmt: skip
            if refusal.parameters:
                error["parameters"] = refusal.parameters
            return Answer(refusal.code, error)

    def _route(self, call: Call) -> Any:
        prefix = f"/bot{self.token}/"
        if not call.path.startswith(prefix):
            raise Refusal(401, "Unauthorized")
        method = call.path[len(prefix) :]
        if method not in METHODS:
            raise Refusal(404, "Not Found: method not found")
        fields, files = _read(call)
        handler = getattr(self, "_" + method)
        return handler(fields, files) if method.startswith("send") else handler(fields)

    def _getMe(self, fields: dict[str, Any]) -> Any:
        number = int(self.token.partition(":")[0])
        return {"id": number, "is_bot": True, "first_name": "Clawd", "username": self.username}

    def _getWebhookInfo(self, fields: dict[str, Any]) -> Any:
        return {
            "url": "",
            "has_custom_certificate": False,
            "pending_update_count": 0,
        } | self.webhook

    def _setWebhook(self, fields: dict[str, Any]) -> Any:
        self.webhook = {"url": fields["url"], "allowed_updates": fields.get("allowed_updates", [])}
        return True

    def _deleteWebhook(self, fields: dict[str, Any]) -> Any:
        self.webhook = {}
        return True

    def _getUpdates(self, fields: dict[str, Any]) -> Any:
        if self.webhook.get("url"):
            raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        self._polled_at = time.monotonic()
        offset = int(fields.get("offset", 0))
        with self._lock:
            if offset:
                self.confirmed = max(self.confirmed, offset)
                self._pending = [one for one in self._pending if one["update_id"] >= offset]
            return self._pending[: int(fields.get("limit", 100))]

    def _getFile(self, fields: dict[str, Any]) -> Any:
        key = fields.get("file_id")
        if key not in self._files:
            raise Refusal(400, "Bad Request: invalid file_id")
        return {"file_id": key, "file_path": f"documents/{key}"}

    def _file(self, call: Call) -> Answer:
        key = unquote(call.path).rpartition("/")[2]
        return Answer(200, self._files[key][1])

    def _answerCallbackQuery(self, fields: dict[str, Any]) -> Any:
        self.thanked.append(fields["callback_query_id"])
        return True

    def _sendChatAction(self, fields: dict[str, Any], files: Any) -> Any:
        self._chat(fields)
        self.typing.append(str(fields["chat_id"]))
        return True

    def _sendMessage(self, fields: dict[str, Any], files: Any) -> Any:
        chat = self._chat(fields)
        seen = Seen(str(next(self._numbers)), chat, _checked(fields), raw=fields)
        seen.reply_to = str(fields.get("reply_parameters", {}).get("message_id", ""))
        seen.buttons = _buttons(fields)
        return self._show(seen)

    def _editMessageText(self, fields: dict[str, Any]) -> Any:
        self._chat(fields)
        seen = self._seen.get(int(fields["message_id"]))
        if seen is None:
            raise Refusal(400, "Bad Request: message to edit not found")
        text, buttons = _checked(fields), _buttons(fields)
        if (text, buttons) == (seen.text, seen.buttons):
            raise Refusal(400, "Bad Request: message is not modified")
        seen.text, seen.buttons, seen.raw = text, buttons, fields
        seen.edits += 1
        return {"message_id": int(seen.message_id)}

    def _sendDocument(self, fields: dict[str, Any], files: Any) -> Any:
        return self._sent(fields, files["document"])

    def _sendPhoto(self, fields: dict[str, Any], files: Any) -> Any:
        return self._sent(fields, files["photo"])

    def _sendVoice(self, fields: dict[str, Any], files: Any) -> Any:
        return self._sent(fields, files["voice"])

    def _sent(self, fields: dict[str, Any], file: tuple[str, bytes]) -> Any:
        seen = Seen(str(next(self._numbers)), self._chat(fields), "", files=[file], raw=fields)
        return self._show(seen)

    def _show(self, seen: Seen) -> dict[str, Any]:
        self._seen[int(seen.message_id)] = seen
        return {"message_id": int(seen.message_id), "date": 1, "chat": {"id": int(seen.chat)}}

    def _chat(self, fields: dict[str, Any]) -> str:
        chat = str(fields.get("chat_id", ""))
        if chat in self.moved:
            raise Refusal(
                400, "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=int(self.moved[chat]),
            )  # fmt: skip
        known = {*self.people.values(), GROUP, *self.moved.values()}
        if chat not in known:
            raise Refusal(400, "Bad Request: chat not found")
        if chat in self.people.values() and chat not in self.started:
            raise Refusal(403, "Forbidden: bot can't initiate conversation with a user")
        topic = fields.get("message_thread_id")
        if topic is not None and str(topic) not in self.topics:
            raise Refusal(400, "Bad Request: message thread not found")
        return chat


def _read(call: Call) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    """The fields of JSON or of a form, and the files of a form."""
    kind = call.headers.get("content-type", "")
    if kind.startswith("application/json"):
        try:
            fields = call.json()
        except ValueError as error:
            raise Refusal(400, "Bad Request: can't parse JSON") from error
        return fields, {}
    if not kind.startswith("multipart/form-data"):
        return dict(call.query), {}
    raw = f"Content-Type: {kind}\r\n\r\n".encode() + call.body
    fields, files = {}, {}
    for part in BytesParser(policy=HTTP).parsebytes(raw).iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename() is not None:
            files[name] = (str(part.get_filename()), content)
        else:
            fields[name] = content.decode()
    return fields, files


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _checked(fields: dict[str, Any]) -> str:
    """The text, once it and its entities are what Telegram would take."""
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "Bad Request: message text is empty")
    if _units(text) > LIMIT:
        raise Refusal(400, "Bad Request: message is too long")
    for entity in fields.get("entities", []):
        end = entity["offset"] + entity["length"]
        if entity["type"] not in ENTITIES or entity["offset"] < 0 or end > _units(text):
            raise Refusal(400, "Bad Request: can't parse entities")
        if entity["length"] <= 0:
            raise Refusal(400, "Bad Request: entity of no length")
    return text


def _buttons(fields: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for row in fields.get("reply_markup", {}).get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
            if not button["text"].strip():
                raise Refusal(400, "Bad Request: BUTTON_TEXT_EMPTY")
            found.append((button["text"], button["callback_data"]))
    return found
