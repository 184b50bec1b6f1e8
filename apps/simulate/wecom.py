"""A strict stand-in of WeCom's API, for tests and for trying things without a company.

What WeCom cuts off silently is refused here: an answer must not be lost that way.
"""

from __future__ import annotations

import itertools
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from apps.simulate.server import Answer, Call
from apps.simulate.wecom_cards import INTERACTIVE, BadCard, check_card
from apps.simulate.wecom_people import PEOPLE, Sheet, Shown, WeComPeople
from apps.simulate.wecom_signer import Signer

SENT_KEYS = {
    *("touser", "toparty", "totag", "msgtype", "agentid", "safe", "enable_id_trans"),
    *("enable_duplicate_check", "duplicate_check_interval"),
}
UPDATE_KEYS = {"userids", "partyids", "tagids", "atall", "agentid", "response_code"}
KINDS = {"text", "markdown", "image", "voice", "file", "template_card"}
MAX_TEXT = 2048
MAX_UPLOAD = {"image": 10 * 2**20, "voice": 2 * 2**20, "file": 20 * 2**20, "video": 10 * 2**20}
MEDIA_TYPES = {"image": "image/png", "voice": "audio/amr", "video": "video/mp4"}


@dataclass
class Refusal(Exception):
    """An error answer in the making."""

    code: int
    msg: str


class WeComStand(WeComPeople):
    """One company with one app."""

    def __init__(self, port: int = 0, *, token_life_s: int = 7200) -> None:
        super().__init__(port)
        self.people = dict(PEOPLE)
        self.signer = Signer()
        self.sheet = Sheet()
        self.secret = "stand-secret-0123456789"
        self.token_life_s = token_life_s
        #: Who may be written to, in the app's visible range.
        self.range = set(self.people.values())
        #: This caller's address is among the app's trusted ones.
        self.trusted = True
        self.closed = False
        self._tokens: dict[str, float] = {}
        self._repeats: dict[str, tuple[float, Shown]] = {}
        self._tasks: set[str] = set()
        self._numbers = itertools.count(1)

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that talks to this stand."""
        return {
            "api_base": self.url,
            "corp_id": self.signer.corp_id,
            "agent_id": str(self.signer.agent_id),
            "secret": self.secret,
            "token": self.signer.token,
            "encoding_aes_key": self.signer.encoding_aes_key,
            "max_skew_s": 600,
        } | changes

    def revoke_tokens(self) -> None:
        """Make every token invalid before its time."""
        self._tokens.clear()

    def forget(self) -> None:
        """As if the window of the duplicate check had gone by."""
        self._repeats.clear()

    def respond(self, call: Call) -> Answer:
        """Route one call; refusals become the vendor's error answers, with status 200."""
        try:
            answer = self._route(call)
        except Refusal as refusal:
            answer = {"errcode": refusal.code, "errmsg": refusal.msg}
        if isinstance(answer, Answer):
            return answer
        return Answer(200, {"errcode": 0, "errmsg": "ok"} | answer)

    def _route(self, call: Call) -> dict[str, Any] | Answer:
        at = (call.method, call.path.removeprefix("/cgi-bin/"))
        if at == ("GET", "gettoken"):
            return self._token(call)
        self._authorize(call)
        match at:
            case ("POST", "message/send"):
                return self._send(call)
            case ("POST", "message/update_template_card"):
                return self._update(call)
            case ("GET", "agent/get"):
                return self._agent(call)
            case ("POST", "media/upload"):
                return self._upload(call)
            case ("GET", "media/get"):
                return self._media(call)
        return Answer(404, None)

    def _token(self, call: Call) -> dict[str, Any]:
        if call.query.get("corpid") != self.signer.corp_id:
            raise Refusal(40013, "invalid corpid")
        if call.query.get("corpsecret") != self.secret:
            raise Refusal(40001, "invalid credential")
        now = time.time()
        # While one is good, the same one is given.
        token = next((one for one, ends in self._tokens.items() if ends > now), "")
        if not token:
            token = uuid.uuid4().hex
            self._tokens[token] = now + self.token_life_s
        return {"access_token": token, "expires_in": self.token_life_s}

    def _authorize(self, call: Call) -> None:
        token = call.query.get("access_token", "")
        if not token:
            raise Refusal(41001, "access_token missing")
        if token not in self._tokens:
            raise Refusal(40014, "invalid access_token")
        if self._tokens[token] < time.time():
            raise Refusal(42001, "access_token expired")
        if not self.trusted:
            hint = "hint: [1795330800123], from ip: 203.0.113.7, more info at https://open.work"
            raise Refusal(60020, f"not allow to access from your ip, {hint}")

    def _send(self, call: Call) -> dict[str, Any]:
        body = _object(call)
        kind = body.get("msgtype")
        if kind not in KINDS:
            raise Refusal(40008, "invalid message type")
        if unknown := set(body) - SENT_KEYS - {kind}:
            raise Refusal(40058, f"unknown keys {sorted(unknown)}")
        if body.get("agentid") != self.signer.agent_id:
            raise Refusal(40056, "invalid agentid")
        if body.get("duplicate_check_interval", 1800) > 4 * 3600:
            raise Refusal(40058, "duplicate_check_interval")
        valid, invalid = self._receivers(body)
        shown = self._repeated(body)
        answer: dict[str, Any] = {"invaliduser": "|".join(invalid), "msgid": ""}
        if shown is None:
            shown = self._shown(kind, body[kind], valid, call)
            self._remember(body, shown)
            if shown.body.get("card_type") in INTERACTIVE:
                answer["response_code"] = self.new_code(shown)
        return answer | {"msgid": shown.message_id}

    def _receivers(self, body: dict[str, Any]) -> tuple[list[str], list[str]]:
        named = str(body.get("touser") or "").split("|")
        if named == [""]:
            raise Refusal(82001, "touser, toparty and totag are empty")
        invalid = [one.lower() for one in named if one not in self.range]
        if len(invalid) == len(named):
            raise Refusal(81013, "user & party & tag all invalid")
        return [one for one in named if one in self.range], invalid

    def _repeated(self, body: dict[str, Any]) -> Shown | None:
        if body.get("enable_duplicate_check") != 1:
            return None
        at, shown = self._repeats.get(_canonical(body), (0.0, None))
        within = time.time() - at < body.get("duplicate_check_interval", 1800)
        return shown if within else None

    def _remember(self, body: dict[str, Any], shown: Shown) -> None:
        if body.get("enable_duplicate_check") == 1:
            self._repeats[_canonical(body)] = (time.time(), shown)

    def _shown(self, kind: str, part: Any, valid: list[str], call: Call) -> Shown:
        if not isinstance(part, dict):
            raise Refusal(40058, f"{kind} is no object")
        made = Shown(f"msg{next(self._numbers):06d}", valid[0], kind, part, call.at)
        match kind:
            case "text" | "markdown":
                _check_text(part)
            case "template_card":
                self._check_card(part)
                made.task = str(part.get("task_id", ""))
            case _:
                held = self.sheet.media.get(str(part.get("media_id")))
                if held is None or held[0] != kind or set(part) != {"media_id"}:
                    raise Refusal(40007, "invalid media_id")
                _, made.name, made.data = held
        self.sheet.shown.append(made)
        return made

    def _check_card(self, card: dict[str, Any]) -> None:
        try:
            check_card(card)
        except (BadCard, KeyError, TypeError, AttributeError) as error:
            raise Refusal(40058, f"template_card: {error}") from error
        task = card.get("task_id")
        if task in self._tasks:
            raise Refusal(42014, "invalid task_id: it exists")
        if task:
            self._tasks.add(task)

    def _update(self, call: Call) -> dict[str, Any]:
        body = _object(call)
        if unknown := set(body) - UPDATE_KEYS - {"button", "template_card"}:
            raise Refusal(40058, f"unknown keys {sorted(unknown)}")
        if body.get("agentid") != self.signer.agent_id:
            raise Refusal(42015, "the app is not the one that sent it")
        code = str(body.get("response_code"))
        if code not in self.sheet.codes:
            raise Refusal(40058, "invalid response_code")
        shown = self.sheet.codes[code]
        if shown is None:
            raise Refusal(42022, "the code was used")
        if body.get("userids") != [shown.to]:
            raise Refusal(40031, "invalid userids")
        if "template_card" in body:
            try:
                check_card(body["template_card"], update=True)
            except (BadCard, KeyError, TypeError, AttributeError) as error:
                raise Refusal(40058, f"template_card: {error}") from error
            shown.body = body["template_card"]
        else:
            shown.closed = str(body["button"]["replace_name"])
        self.sheet.codes[code] = None
        shown.edits += 1
        return {"invaliduser": []}

    def _agent(self, call: Call) -> dict[str, Any]:
        if call.query.get("agentid") != str(self.signer.agent_id):
            raise Refusal(301002, "no permission for this agent")
        return {
            "agentid": self.signer.agent_id,
            "name": "ClawdBot",
            "allow_userinfos": {"user": [{"userid": one} for one in sorted(self.range)]},
            "allow_partys": {"partyid": []},
            "allow_tags": {"tagid": []},
            "close": int(self.closed),
        }

    def _upload(self, call: Call) -> dict[str, Any]:
        kind = call.query.get("type", "")
        if kind not in MAX_UPLOAD:
            raise Refusal(40005, "invalid type")
        name, data = form_file(call)
        if not 5 < len(data) <= MAX_UPLOAD[kind]:
            raise Refusal(40006, "invalid file size")
        if kind == "image" and not data.startswith((b"\x89PNG", b"\xff\xd8")):
            raise Refusal(40123, "invalid picture")
        media_id = "out-" + uuid.uuid4().hex
        self.sheet.media[media_id] = (kind, name, data)
        return {"type": kind, "media_id": media_id, "created_at": str(int(time.time()))}

    def _media(self, call: Call) -> Answer:
        held = self.sheet.media.get(call.query.get("media_id", ""))
        if held is None:
            raise Refusal(40007, "invalid media_id")
        kind, name, data = held
        disposition = f'attachment; filename="{name}"'
        headers = {"content-type": MEDIA_TYPES.get(kind, "application/octet-stream")}
        return Answer(200, data, headers | {"content-disposition": disposition})


def form_file(call: Call) -> tuple[str, bytes]:
    """Name and bytes of the `media` part of a multipart form."""
    kind, _, boundary = call.headers.get("content-type", "").partition("boundary=")
    if not kind.startswith("multipart/form-data") or not boundary:
        raise Refusal(44001, "no form data")
    for part in call.body.split(b"--" + boundary.encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        text = head.decode()
        if 'name="media"' in text and 'filename="' in text:
            name = text.split('filename="')[1].split('"')[0]
            return name, data.removesuffix(b"\r\n")
    raise Refusal(44001, "empty media")


def _check_text(part: dict[str, Any]) -> None:
    content = part.get("content")
    if set(part) != {"content"} or not isinstance(content, str) or not content.strip():
        raise Refusal(44004, "empty content")
    if len(content.encode()) > MAX_TEXT:
        raise Refusal(45002, "content size out of limit")


def _object(call: Call) -> dict[str, Any]:
    if b"\\u" in call.body:
        raise Refusal(40033, "invalid request character")
    try:
        body = call.json()
    except ValueError as error:
        raise Refusal(47001, "data format error") from error
    if not isinstance(body, dict):
        raise Refusal(47001, "data format error")
    return body


def _canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)
