"""A strict stand-in of DingTalk's APIs, its robot's reply addresses and its Stream gateway."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import quote, unquote

from apps.simulate import dingtalk_cards as cards
from apps.simulate.desk import Push, Seen
from apps.simulate.dingtalk_people import PEOPLE, SESSION, DingTalkPeople
from apps.simulate.dingtalk_signer import Signer
from apps.simulate.dingtalk_socket import Gateway
from apps.simulate.server import Answer, Call

TEMPLATE = "stand-template.schema"
MAX_PARAM = 15_000
MAX_REPLY = 20_000
#: Which permission each path wants.
SCOPES = {
    "/v1.0/robot/": "qyapi_robot_sendmsg",
    "/v1.0/card/": "Card.Instance.Write",
}
#: The parameters of each kind of message.
PARAMS = {
    "sampleText": {"content"},
    "sampleMarkdown": {"title", "text"},
    "sampleImageMsg": {"photoURL"},
    "sampleAudio": {"mediaId", "duration"},
    "sampleFile": {"mediaId", "fileName", "fileType"},
}
FILE_TYPES = {"xlsx", "pdf", "zip", "rar", "doc", "docx"}


@dataclass
class Refusal(Exception):
    """An error answer of the newer API in the making."""

    code: str
    status: int = 400
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class OldRefusal(Exception):
    """An error answer of the older API."""

    errcode: int
    errmsg: str


@dataclass
class _State:
    tokens: dict[str, float] = field(default_factory=dict)
    old_tokens: dict[str, float] = field(default_factory=dict)
    shown: list[Seen] = field(default_factory=list)
    cards: dict[str, Seen | None] = field(default_factory=dict)
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    routes: dict[str, dict[str, Any]] = field(default_factory=dict)
    replies: dict[str, list[float]] = field(default_factory=dict)


class DingTalkStand(DingTalkPeople):
    """One company with one internal app and its robot."""

    platform = "dingtalk"
    stream_config: Mapping[str, str] | None = {}

    def __init__(self, port: int = 0, *, token_life_s: int = 7200) -> None:
        super().__init__(port)
        self.signer = Signer()
        self.token_life_s = token_life_s
        self.gateway = Gateway()
        self.people = dict(PEOPLE)
        self.sent_files, self.sessions, self.written = {}, {}, {}
        self.scopes = set(SCOPES.values())
        self.on_the_list = True  # is the caller's IP allowed?
        self.flow_controlled: set[str] = set()
        self.undeliverable = False  # cards are made and shown to nobody
        self.replies_a_minute = 0  # to one reply address' chat; 0 = as many as come
        self._state = _State()

    @property
    def click_secret(self) -> str:  # type: ignore[override]
        """The secret of the newest registered route."""
        routes = list(self._state.routes.values())
        return str(routes[-1].get("apiSecret", "")) if routes else ""

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that talks to this stand."""
        return {
            "api_base": self.url,
            "oapi_base": self.url,
            "app_key": self.signer.app_key,
            "app_secret": self.signer.app_secret,
            "robot_code": self.signer.app_key,
            "card_template_id": TEMPLATE,
            "event_token": self.signer.event_token,
            "event_aes_key": self.signer.event_aes_key,
            "max_skew_s": 3600,
        } | changes

    def visible(self) -> list[Seen]:
        """What people see, oldest first."""
        return list(self._state.shown)

    def shown_so_far(self) -> int:
        """How much that is."""
        return len(self._state.shown)

    def revoke_tokens(self) -> None:
        """Make every token invalid."""
        self._state.tokens.clear()
        self._state.old_tokens.clear()

    async def listen_more(self) -> None:
        """The gateway's socket."""
        await self.gateway.open()

    def through_connection(self, push: Push) -> bytes | None:
        """The same in a frame; it comes again when it was not acknowledged with 200."""
        if not self.gateway.live:
            return None
        ack = self.wait_for(self.gateway.push(self.frame(push)))
        if ack.get("code") != 200:
            raise ConnectionError(f"not taken: {ack}")
        return json.dumps(ack).encode()

    async def hang_up_more(self) -> None:
        """Both at once, as a machine that goes off."""
        await self.gateway.close()

    def respond(self, call: Call) -> Answer:
        """Route one call; refusals become the vendor's error answers."""
        try:
            return self._route(call)
        except Refusal as refusal:
            body = {"code": refusal.code, "message": refusal.code, "requestid": uuid.uuid4().hex}
            return Answer(refusal.status, body | refusal.more)
        except OldRefusal as refusal:
            return Answer(200, {"errcode": refusal.errcode, "errmsg": refusal.errmsg})
        except cards.BadCard as refusal:
            return Answer(400, {"code": str(refusal), "message": str(refusal)})

    def _route(self, call: Call) -> Answer:
        routes: dict[tuple[str, str], Callable[[Call], dict[str, Any]]] = {
            ("POST", "/v1.0/oauth2/accessToken"): self._token,
            ("GET", "/gettoken"): self._old_token,
            ("POST", "/v1.0/gateway/connections/open"): self._connection,
            ("POST", "/media/upload"): self._upload,
            ("POST", SESSION): self._reply,
            ("POST", "/v1.0/robot/oToMessages/batchSend"): self._to_person,
            ("POST", "/v1.0/robot/groupMessages/send"): self._to_group,
            ("POST", "/v1.0/robot/messageFiles/download"): self._file_address,
            ("POST", "/v1.0/card/instances"): self._create,
            ("POST", "/v1.0/card/instances/createAndDeliver"): self._create_and_deliver,
            ("PUT", "/v1.0/card/instances"): self._update,
            ("POST", "/v1.0/card/callbacks/register"): self._register,
        }
        if call.method == "GET" and call.path.startswith("/files/"):
            return self._file(call)
        found = routes.get((call.method, call.path))
        if found is None:
            raise Refusal("InvalidAction.NotFound", 404)
        if call.path.startswith(("/v1.0/robot/", "/v1.0/card/")):
            self._authorize(call)
        return Answer(200, found(call))

    def _authorize(self, call: Call) -> None:
        token = call.headers.get("x-acs-dingtalk-access-token", "")
        if self._state.tokens.get(token, 0) < time.time():
            raise Refusal("InvalidAuthentication", 401)
        if not self.on_the_list:
            raise Refusal("Forbidden.AccessDenied.IpNotInWhiteList", 403)
        wanted = next(scope for path, scope in SCOPES.items() if call.path.startswith(path))
        if wanted not in self.scopes:
            detail = {"accessdenieddetail": {"requiredScopes": [wanted]}}
            code = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
            raise Refusal(code, 403, detail)

    def _token(self, call: Call) -> dict[str, Any]:
        body = _object(call, {"appKey", "appSecret"})
        if (body["appKey"], body["appSecret"]) != (self.signer.app_key, self.signer.app_secret):
            raise Refusal("invalidClientIdOrSecret")
        token = uuid.uuid4().hex
        self._state.tokens[token] = time.time() + self.token_life_s
        return {"accessToken": token, "expireIn": self.token_life_s}

    def _old_token(self, call: Call) -> dict[str, Any]:
        given = (call.query.get("appkey"), call.query.get("appsecret"))
        if given != (self.signer.app_key, self.signer.app_secret):
            raise OldRefusal(40089, "不合法的corpid或corpsecret")
        token = uuid.uuid4().hex
        self._state.old_tokens[token] = time.time() + self.token_life_s
        return {"errcode": 0, "access_token": token, "expires_in": self.token_life_s}

    def _connection(self, call: Call) -> dict[str, Any]:
        body = _object(call, {"clientId", "clientSecret", "subscriptions", "ua"})
        given = (body["clientId"], body["clientSecret"])
        if given != (self.signer.app_key, self.signer.app_secret):
            raise Refusal("authFailed", 401)
        for one in body["subscriptions"]:
            if set(one) != {"type", "topic"} or one["type"] not in {"EVENT", "CALLBACK"}:
                raise Refusal("param.error")
        return dict(self.gateway.offer())

    # ---- words ----

    def _reply(self, call: Call) -> dict[str, Any]:
        session = self.sessions.get(call.query.get("session", ""))
        if session is None:
            raise OldRefusal(300001, "session is not exist")
        if len(call.body) > MAX_REPLY:
            raise OldRefusal(460101, "message too long")
        chat, message_id = session
        self._count_reply(chat)
        seen = reply_seen(call.json())
        seen.chat, seen.reply_to = chat, message_id
        self._state.shown.append(seen)
        return {"errcode": 0, "errmsg": "ok"}

    def _count_reply(self, chat: str) -> None:
        if self.replies_a_minute:
            held = self._state.replies.setdefault(chat, [])
            held[:] = [at for at in held if at > time.monotonic() - 60]
            if len(held) >= self.replies_a_minute:
                raise OldRefusal(130101, "send too fast, exceed 20 times per minute")
            held.append(time.monotonic())

    def _to_person(self, call: Call) -> dict[str, Any]:
        body = self._message(call, {"robotCode", "userIds", "msgKey", "msgParam"})
        users = body["userIds"]
        if not isinstance(users, list) or not users:
            raise Refusal("invalidParameter.userIds.empty")
        if len(users) > 20:
            raise Refusal("invalidParameter.userIds.overMax")
        names = {external: name for name, external in self.people.items()}
        limited = [one for one in users if one in self.flow_controlled]
        for user in users:
            if user in names and user not in limited:
                self._show_message(body, self.chat_of(names[user]), private_to=user)
        return {
            "processQueryKey": uuid.uuid4().hex,
            "invalidStaffIdList": [one for one in users if one not in names],
            "flowControlledStaffIdList": limited,
        }

    def _to_group(self, call: Call) -> dict[str, Any]:
        body = self._message(call, {"robotCode", "openConversationId", "msgKey", "msgParam"})
        if body["openConversationId"] != self.group:
            raise Refusal("invalidParameter.openConversationId.invalid")
        self._show_message(body, self.group)
        return {"processQueryKey": uuid.uuid4().hex}

    def _message(self, call: Call, keys: set[str]) -> dict[str, Any]:
        body = _object(call, keys)
        self._check_robot(body)
        return body

    def _check_robot(self, body: dict[str, Any]) -> None:
        if body.get("robotCode") != self.signer.app_key:
            raise Refusal("invalidParameter.robotCode.notExsit")

    def _show_message(self, body: dict[str, Any], chat: str, *, private_to: str = "") -> None:
        key, text = body["msgKey"], body["msgParam"]
        if key not in PARAMS:
            raise Refusal("invalidParameter.msgKey.invalid")
        if not isinstance(text, str) or len(text.encode()) > MAX_PARAM:
            raise Refusal("invalidParameter.msgParam.tooLong")
        param = json.loads(text)
        if set(param) != PARAMS[key] or not all(isinstance(v, str) and v for v in param.values()):
            raise Refusal("invalidParameter.msgParam.invalid")
        seen = Seen(uuid.uuid4().hex, chat, param.get("text") or param.get("content", ""))
        media_id = param.get("mediaId") or param.get("photoURL")
        if media_id:
            if media_id not in self._state.media:
                raise Refusal("invalidParameter.msgParam.invalid")
            if key == "sampleFile" and param["fileType"] not in FILE_TYPES:
                raise Refusal("invalidParameter.msgParam.invalid")
            name, data = self._state.media[media_id]
            seen.files = [(param.get("fileName", name), data)]
        seen.private_to, seen.raw = private_to, body
        self._state.shown.append(seen)

    # ---- cards ----

    def _create(self, call: Call) -> dict[str, Any]:
        body = _object(call)
        self._new_card(body)
        self._state.cards[body["outTrackId"]] = None
        return {"success": True, "result": body["outTrackId"]}

    def _create_and_deliver(self, call: Call) -> dict[str, Any]:
        body = _object(call)
        found = self._new_card(body)
        kind, name = cards.space(body)
        if body.get("callbackType") == "HTTP":
            cards.need(body.get("callbackRouteKey") in self._state.routes)
        else:
            cards.need(body.get("callbackType") == "STREAM")
        names = {external: who for who, external in self.people.items()}
        there = name == self.group if kind == "IM_GROUP" else name in names
        result = {"spaceType": kind, "spaceId": name, "success": there, "carrierId": "c"}
        if self.undeliverable or not there:
            result |= {"success": False, "errorMsg": "spaceId is illegal"}
            self._state.cards[body["outTrackId"]] = None
        else:
            chat = name if kind == "IM_GROUP" else self.chat_of(names[name])
            seen = _card_seen(body, found, chat, "" if kind == "IM_GROUP" else name)
            self._state.cards[body["outTrackId"]] = seen
            self._state.shown.append(seen)
        delivered = {"outTrackId": body["outTrackId"], "deliverResults": [result]}
        return {"success": True, "result": delivered}

    def _new_card(self, body: dict[str, Any]) -> dict[str, str]:
        cards.need(set(body) <= cards.CREATE_KEYS)
        cards.need(body.get("outTrackId"), "param.outTrackIdEmpty")
        cards.need(body.get("cardTemplateId"), "param.cardTemplateIdEmpty")
        cards.need(body["cardTemplateId"] == TEMPLATE, "param.templateNotExist")
        cards.need(body["outTrackId"] not in self._state.cards, "param.cardAlreadyExist")
        return cards.values(body)

    def _update(self, call: Call) -> dict[str, Any]:
        body = _object(call)
        cards.need(set(body) <= cards.UPDATE_KEYS)
        cards.need(body.get("outTrackId") in self._state.cards, "param.cardNotExist")
        seen, found = self._state.cards[body["outTrackId"]], cards.values(body)
        if seen is not None:
            by_key = body.get("cardUpdateOptions", {}).get("updateCardDataByKey")
            held = seen.raw["cardData"]["cardParamMap"] if by_key else {}
            _fill(seen, held | found)
            seen.raw["cardData"]["cardParamMap"] = held | found
            seen.edits += 1
        return {"success": True, "result": True}

    def _register(self, call: Call) -> dict[str, Any]:
        body = _object(call, {"callbackRouteKey", "callbackUrl", "apiSecret", "forceUpdate"})
        if not body["callbackRouteKey"] or not body["callbackUrl"]:
            raise Refusal("param.callbackUrlEmpty")
        if body["callbackRouteKey"] in self._state.routes and not body["forceUpdate"]:
            raise Refusal("param.callbackRouteKeyExist", 500)
        self._state.routes.pop(body["callbackRouteKey"], None)
        self._state.routes[body["callbackRouteKey"]] = body
        result = {"callbackUrl": body["callbackUrl"], "apiSecret": body["apiSecret"]}
        return {"success": True, "result": result}

    # ---- files ----

    def _file_address(self, call: Call) -> dict[str, Any]:
        body = _object(call, {"downloadCode", "robotCode"})
        self._check_robot(body)
        if body["downloadCode"] not in self.sent_files:
            raise Refusal("invalidParameter.robotCode.downloadCode")
        return {"downloadUrl": f"{self.url}/files/{quote(body['downloadCode'], safe='')}"}

    def _file(self, call: Call) -> Answer:
        held = self.sent_files.get(unquote(call.path.removeprefix("/files/")))
        if held is None:
            return Answer(404)
        return Answer(200, held[1], {"content-type": "application/octet-stream"})

    def _upload(self, call: Call) -> dict[str, Any]:
        if self._state.old_tokens.get(call.query.get("access_token", ""), 0) < time.time():
            raise OldRefusal(40014, "不合法的access_token")
        if call.query.get("type") not in {"image", "voice", "video", "file"}:
            raise OldRefusal(40004, "不合法的媒体文件类型")
        name, data = _form_file(call)
        if not data or len(data) > 20 * 1024 * 1024:
            raise OldRefusal(40006, "不合法的文件大小")
        media_id = f"@{uuid.uuid4().hex}"
        self._state.media[media_id] = (name, data)
        return {"errcode": 0, "errmsg": "ok", "type": call.query["type"], "media_id": media_id}


def reply_seen(body: Any) -> Seen:
    """A message posted to a reply address or to a group's robot, as people see it."""
    kind = body.get("msgtype") if isinstance(body, dict) else None
    held = body.get(kind) if isinstance(kind, str) else None
    if kind not in {"text", "markdown"} or not isinstance(held, dict):
        raise OldRefusal(40035, "不合法的参数")
    if set(body) - {"msgtype", kind, "at"}:
        raise OldRefusal(40035, "不合法的参数")
    needed = {"content"} if kind == "text" else {"title", "text"}
    if set(held) != needed or not all(isinstance(v, str) and v.strip() for v in held.values()):
        raise OldRefusal(40035, f"missing param {sorted(needed)}")
    at = body.get("at", {})
    if set(at) - {"atUserIds", "atMobiles", "isAtAll"}:
        raise OldRefusal(40035, "at")
    text = held.get("text") or held.get("content", "")
    return Seen(uuid.uuid4().hex, "", text, raw=body)


def _card_seen(body: dict[str, Any], values: dict[str, str], chat: str, private_to: str) -> Seen:
    seen = Seen(body["outTrackId"], chat, "", private_to=private_to, raw=body)
    _fill(seen, values)
    return seen


def _fill(seen: Seen, values: dict[str, str]) -> None:
    seen.text = "\n\n".join(filter(None, (values.get("title"), values.get("markdown"))))
    seen.buttons = [
        (one["text"], one["event"]["params"]["params"]["action"])
        for one in cards.buttons(values.get("btns", "[]"))
    ]


def _object(call: Call, keys: set[str] | None = None) -> dict[str, Any]:
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refusal("UnsupportedContentType", 415)
    try:
        body = call.json()
    except ValueError as error:
        raise Refusal("InvalidParameter.json") from error
    if not isinstance(body, dict) or (keys is not None and set(body) - keys):
        raise Refusal("invalidParameter.param.invalid")
    if keys is not None and keys - set(body):
        raise Refusal(f"Missing{sorted(keys - set(body))[0]}")
    return body


def _form_file(call: Call) -> tuple[str, bytes]:
    """The file `media` of a multipart form."""
    head = f"content-type: {call.headers.get('content-type', '')}\r\n\r\n".encode()
    form: Message = BytesParser(policy=HTTP).parsebytes(head + call.body)
    parts = form.get_payload() if form.is_multipart() else []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Message) and part.get_param("name", header="content-disposition"):
            name = part.get_param("name", header="content-disposition")
            data = part.get_payload(decode=True)
            if name == "media" and isinstance(data, bytes):
                return part.get_filename() or "", data
    raise OldRefusal(40035, "missing media")
