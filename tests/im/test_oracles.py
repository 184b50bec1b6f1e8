"""Signatures and ciphers beside the code of those who invented them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from apps.core.http import Door
from apps.im import cards, standard_webhooks
from apps.im.base import InboundRequest, Outgoing, SendContext, get_platform
from apps.im.tokens import TokenCache
from apps.simulate.feishu_signer import Signer
from apps.simulate.webhook import SECRET, WebhookStand, signed
from tests.im import golden

ROOT = Path(__file__).resolve().parents[2]
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


# ---- Standard Webhooks: github.com/standard-webhooks ----


@settings(max_examples=300, deadline=None)
@given(IDS, st.integers(0, 2**33), st.text(max_size=200), st.binary(min_size=24, max_size=64))
def test_both_sign_alike(event_id: str, stamp: int, body: str, key: bytes) -> None:
    raw = body.encode("utf-8", "replace")
    theirs = Webhook(key).sign(event_id, datetime.fromtimestamp(stamp, UTC), raw.decode())
    assert standard_webhooks.sign(key, event_id, str(stamp), raw) == theirs


async def test_they_accept_what_we_send(webhook_stand: WebhookStand) -> None:
    ctx = SendContext(webhook_stand.config(), 1, Door(), TokenCache())
    out = Outgoing("key-1", "answer", "c-alice", "private", cards.answer("pong 汉字"))
    await get_platform("webhook").send(ctx, out)
    (call,) = webhook_stand.calls
    assert Webhook(SECRET).verify(call.body, call.headers)["text"] == "pong 汉字"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body + b" ", call.headers)


def test_we_accept_what_they_send() -> None:
    body, _ = signed({
        "id": "m1", "sender": {"id": "u"}, "conversation": {"id": "c", "type": "private"},
        "text": "hi 汉字",
    })  # fmt: skip
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", now, body.decode()),
    }
    request = InboundRequest("POST", "/", {}, headers, body)
    received = get_platform("webhook").receive({"secret": SECRET}, request, time.time())
    assert received.verdict == "accept"


# ---- Feishu: its SDK, lark-oapi ----


def ask_feishu(cases: list[dict[str, Any]]) -> list[str | None]:
    """What the SDK makes of these events."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.im.lark_oracle"],
        input=json.dumps(cases), capture_output=True, text=True, timeout=120, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[str | None] = json.loads(done.stdout.splitlines()[-1])  # it logs there too
    return found


def test_feishus_own_code_reads_what_our_stand_sends_and_so_do_we() -> None:
    signer, cases, ours = Signer(), [], []
    texts = ["hi", "汉字 🙂", "", "x" * 15, "x" * 16, '"}{\\', "\u2028"]
    for number, text in enumerate([*texts, "another token", "another key", "another signature"]):
        body, headers = signer.sign(signer.message({"text": text}, message_id=f"om_{number}"))
        case = {
            "key": signer.encrypt_key,
            "token": signer.verification_token,
            "headers": headers,
            "body": body.decode(),
        }
        match text:
            case "another token":
                case["token"] = "vt_other"
            case "another key":
                case["key"] = "other-key"
            case "another signature":
                case["headers"] = headers | {"X-Lark-Signature": "0" * 64}
        cases.append(case)
    for path in golden.cases("feishu"):
        found = golden.load(path)
        if found["expect"]["verdict"] == "accept" and found["config"].get("encrypt_key"):
            cases.append({
                "key": found["config"]["encrypt_key"],
                "token": found["config"]["verification_token"],
                "headers": found["request"]["headers"],
                "body": found["request"]["body"],
                "now": found["now"],
            })  # fmt: skip
    theirs = ask_feishu(cases)
    for case in cases:
        config = {"encrypt_key": case["key"], "verification_token": case["token"]}
        raw = case["body"].encode()
        request = InboundRequest("POST", "/", {}, case["headers"], raw)
        now = case.get("now", time.time())
        ours.append(get_platform("feishu").receive(config, request, now).verdict)
    assert [one is not None for one in theirs] == [verdict == "accept" for verdict in ours]
    assert [json.loads(one or "{}").get("text") for one in theirs[: len(texts)]] == texts
    assert theirs[len(texts) : len(texts) + 3] == [None] * 3
    assert len(cases) > len(texts) + 3
