"""Judges what DingTalk sends: verify, then parse. Three kinds over HTTP, and frames of the stream.

One address takes them all: a robot callback is told by its headers `timestamp` and `sign`, a click
on a card by `x-ddpaas-signature`, an event subscription by the signature in its query.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from apps.core import strictjson
from apps.im import dingtalk_content as content
from apps.im import dingtalk_crypto as crypto
from apps.im.ciphers import BadCiphertext
from apps.im.payload import (
    Malformed,
    id_at,
    object_at,
    optional_text,
    parse_object,
    same,
    text_at,
)
from apps.im.shapes import InboundRequest, Received, accept, challenge, ignore, reject

MAX_SKEW_S = 3600
ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
#: The method of an `InboundRequest` that is a frame of the long connection.
FRAME = "WS"
#: Anything else in the body would be shown as the robot's answer.
NO_REPLY = {"msgtype": "empty"}
# The acknowledgements of the protocol's description, letter by letter.
_TAKEN = '{"response": "OK"}'
_NOTHING_TO_SHOW = '{"response": {}}'
_SUCCESS = '{"status": "SUCCESS", "message": "success"}'
_MAX_DIGITS = 15


class Refused(Exception):
    """The request is not what it claims to be; the argument is the reason's name."""

    @property
    def reason(self) -> str:
        """One of the declared reasons."""
        return str(self.args[0])


def judge(config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
    """The verdict on one request, or on one frame."""
    try:
        if request.method == FRAME:
            return _frame(config, request)
        if request.header("x-ddpaas-signature"):
            return _card(config, request, now)
        if "msg_signature" in request.query or "signature" in request.query:
            return _event(config, request, now)
        return _robot(config, request, now)
    except Refused as error:
        return reject(error.reason)
    except Malformed:
        return reject("malformed")


def _robot(config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
    stamp, given = request.header("timestamp"), request.header("sign")
    secret = str(config.get("app_secret") or "")
    _check(stamp, given, secret and crypto.robot_sign(stamp, secret))
    _in_time(config, stamp, now)
    return _message(config, parse_object(request.body), NO_REPLY)


def _card(config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
    stamp = request.header("x-ddpaas-signature-timestamp")
    given = request.header("x-ddpaas-signature")
    secret = str(config.get("app_secret") or "")
    _check(stamp, given, secret and crypto.card_sign(stamp, crypto.card_secret(secret)))
    _in_time(config, stamp, now)
    # A click has no id of its own: whoever sends the same request again sends the same click.
    told = hashlib.sha256(f"{stamp}\n".encode("utf-8", "replace") + request.body).hexdigest()
    return accept(content.click(parse_object(request.body), f"evt:{told}"), response={})


def _check(stamp: str, given: str, expected: str) -> None:
    if not (stamp and given):
        raise Refused("missing_signature")
    if not same(given, expected):  # also when there is no secret
        raise Refused("bad_signature")


def _event(config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
    query = request.query
    stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    given = query.get("msg_signature") or query.get("signature") or ""
    if not (given and stamp and nonce):
        raise Refused("missing_signature")
    encrypt = text_at(parse_object(request.body), "encrypt")
    token = str(config.get("event_token") or "")
    expected = crypto.event_signature(token, stamp, nonce, encrypt)
    if not token or not same(given, expected):
        raise Refused("bad_signature")
    _in_time(config, stamp, now)
    event = parse_object(_opened(config, encrypt))
    answer = _encrypted_success(config, stamp, nonce)
    kind = text_at(event, "EventType")
    if kind == "check_url":
        return challenge(answer)
    if kind != content.LEFT:
        return ignore("unsupported_event", response=answer)
    return accept(content.left(event, content.event_id(event)), response=answer)


def _opened(config: Mapping[str, Any], encrypt: str) -> bytes:
    try:
        opened = crypto.open_event(str(config.get("event_aes_key") or ""), encrypt)
    except BadCiphertext as error:
        raise Refused("bad_ciphertext") from error
    if opened.owner != owner_key(config).encode("utf-8", "replace"):
        raise Refused("receive_id_mismatch")
    return opened.message


def owner_key(config: Mapping[str, Any]) -> str:
    """Whose events these are: the app's key unless the settings say otherwise."""
    return str(config.get("event_owner_key") or config.get("app_key") or "")


def _encrypted_success(config: Mapping[str, Any], stamp: str, nonce: str) -> dict[str, Any]:
    """DingTalk takes no other answer than the word `success`, encrypted and signed."""
    encrypt = crypto.seal_event(str(config["event_aes_key"]), b"success", owner_key(config))
    signed = crypto.event_signature(str(config["event_token"]), stamp, nonce, encrypt)
    return {"msg_signature": signed, "timeStamp": stamp, "nonce": nonce, "encrypt": encrypt}


def _in_time(config: Mapping[str, Any], stamp: str, now: float) -> None:
    """Refuse a stamp in milliseconds that is none, or outside the window."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS):
        raise Refused("bad_timestamp")
    if abs(now - int(stamp) / 1000) > float(config.get("max_skew_s") or MAX_SKEW_S):
        raise Refused("stale")


def _message(
    config: Mapping[str, Any], data: Mapping[str, Any], answer: dict[str, Any]
) -> Received:
    if content.is_own(data):
        return ignore("from_bot", response=answer)
    message = content.message(config, data)
    if message is None:
        return ignore("unsupported_type", response=answer)
    return accept(message, response=answer)


def _frame(config: Mapping[str, Any], request: InboundRequest) -> Received:
    """A frame is as genuine as its connection, so only a bot that keeps one takes any."""
    if config.get("connection", "stream") != "stream":
        raise Refused("missing_signature")
    frame = parse_object(request.body)
    headers = object_at(frame, "headers")
    kind, topic = text_at(frame, "type"), optional_text(headers, "topic")
    if kind == "SYSTEM":
        return _system(topic, optional_text(headers, "messageId"), optional_text(frame, "data"))
    frame_id = id_at(headers, "messageId")
    data = parse_object(text_at(frame, "data"))
    if kind == "EVENT":
        answer = ack(frame_id, _SUCCESS)
        if optional_text(headers, "eventType") != content.LEFT:
            return ignore("unsupported_event", response=answer)
        named = headers if optional_text(headers, "eventId") else data
        return accept(content.left(data, content.event_id(named)), response=answer)
    if kind == "CALLBACK" and topic == ROBOT_TOPIC:
        return _message(config, data, ack(frame_id, _TAKEN))
    if kind == "CALLBACK" and topic == CARD_TOPIC:
        answer = ack(frame_id, _NOTHING_TO_SHOW)
        return accept(content.click(data, f"evt:{frame_id}"), response=answer)
    return ignore("unsupported_event", response=ack(frame_id, "{}", 404, "no such topic"))


def _system(topic: str, frame_id: str, data: str) -> Received:
    """Talk about the connection itself: a ping is echoed, a farewell is not answered."""
    answer = ack(frame_id, data or "{}") if topic != "disconnect" else None
    question = {"topic": topic} | ({"answer": answer} if answer else {})
    return Received("control", 200, response=answer, question=question)


def ack(frame_id: str, data: str, code: int = 200, message: str = "OK") -> dict[str, Any]:
    """The frame that acknowledges another one."""
    headers = {"contentType": "application/json", "messageId": frame_id}
    return {"code": code, "headers": headers, "message": message, "data": data}


def as_text(answer: Mapping[str, Any]) -> str:
    """An acknowledgement as it goes over the wire."""
    return strictjson.dumps(answer)
