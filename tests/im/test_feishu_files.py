"""Files of Feishu: fetched from messages, uploaded and shown once."""

from __future__ import annotations

import json
import time

import pytest

from apps.core.http import Door
from apps.im import cards, feishu_files
from apps.im.base import (
    InboundRequest,
    Later,
    Media,
    Outgoing,
    Permanent,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.tokens import TokenCache
from apps.simulate.desk import Push
from apps.simulate.feishu import FeishuStand
from apps.simulate.server import Answer

FEISHU = get_platform("feishu")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


@pytest.fixture(autouse=True)
def _forget_uploads() -> None:
    feishu_files._uploaded.clear()


def context(stand: FeishuStand) -> SendContext:
    return SendContext(stand.config(), 1, Door(), TokenCache())


def answer(*files: Media) -> Outgoing:
    return Outgoing(
        "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69", "answer", "oc_alice", "private",
        cards.answer("here"), language="en", files=files,
    )  # fmt: skip


def received(stand: FeishuStand, push: Push) -> tuple[str, dict[str, object]]:
    request = InboundRequest("POST", "/", {}, push.headers, push.body)
    (message,) = FEISHU.receive(stand.config(), request, time.time()).messages
    (attachment,) = message.attachments
    return message.kind, attachment | {"message_id": message.message_id}


@pytest.mark.parametrize(
    ("name", "voice", "kind"),
    [("a.png", False, "image"), ("报告.pdf", False, "file"), ("v.opus", True, "voice")],
)
async def test_what_people_send_is_fetched(
    feishu_stand: FeishuStand, name: str, voice: bool, kind: str
) -> None:
    got, attachment = received(feishu_stand, feishu_stand.send_file(b"bytes", name, voice=voice))
    media = await FEISHU.fetch(context(feishu_stand), attachment, 100)
    assert (got, media.data) == (kind, b"bytes")
    with pytest.raises(Permanent):
        await FEISHU.fetch(context(feishu_stand), attachment, 4)


async def test_a_file_that_is_not_there_is_refused(feishu_stand: FeishuStand) -> None:
    gone = {"type": "file", "key": "file_none", "message_id": "om_none"}
    with pytest.raises(Permanent, match="not in msg"):
        await FEISHU.fetch(context(feishu_stand), gone, 100)


async def test_a_server_in_trouble_is_asked_later(feishu_stand: FeishuStand) -> None:
    _, attachment = received(feishu_stand, feishu_stand.send_file(b"bytes", "a.pdf"))
    feishu_stand.fail("/resources/", "reset", times=2)
    with pytest.raises(Later):
        await FEISHU.fetch(context(feishu_stand), attachment, 100)


async def test_an_expired_token_is_fetched_anew(feishu_stand: FeishuStand) -> None:
    _, attachment = received(feishu_stand, feishu_stand.send_file(b"bytes", "a.pdf"))
    ctx = context(feishu_stand)
    await FEISHU.fetch(ctx, attachment, 100)
    feishu_stand.revoke_tokens()
    assert (await FEISHU.fetch(ctx, attachment, 100)).data == b"bytes"


async def test_files_follow_the_card_each_as_what_it_is(feishu_stand: FeishuStand) -> None:
    opus = Media(b"OggS" + bytes(24) + b"OpusHead", "v.ogg", "audio/ogg", 1500)
    files = (Media(PNG, "图.png", "image/png"), Media(b"a,b", "a.csv", "text/csv"), opus)
    await FEISHU.send(context(feishu_stand), answer(*files))
    card, *shown = feishu_stand.visible("oc_alice")
    assert card.msg_type == "interactive"
    assert [one.msg_type for one in shown] == ["image", "file", "audio"]
    assert [one.files[0][1] for one in shown] == [one.data for one in files]
    assert shown[1].files[0][0] == "a.csv"


async def test_a_repeat_shows_nothing_twice_and_uploads_nothing_again(
    feishu_stand: FeishuStand,
) -> None:
    ctx, out = context(feishu_stand), answer(Media(PNG, "a.png", "image/png"))
    for _ in range(3):
        await FEISHU.send(ctx, out)
    assert [one.msg_type for one in feishu_stand.visible("oc_alice")] == ["interactive", "image"]
    assert len(feishu_stand.calls_to(feishu_files.IMAGES)) == 1


async def test_a_cut_upload_is_repeated_by_the_next_attempt(feishu_stand: FeishuStand) -> None:
    ctx, out = context(feishu_stand), answer(Media(b"x", "a.bin"))
    feishu_stand.fail(feishu_files.FILES, "cut")
    with pytest.raises(UnknownOutcome):
        await FEISHU.send(ctx, out)
    await FEISHU.send(ctx, out)
    assert [one.msg_type for one in feishu_stand.visible("oc_alice")] == ["interactive", "file"]


async def test_a_file_that_feishu_refuses_is_told_and_the_answer_stands(
    feishu_stand: FeishuStand,
) -> None:
    refused = Answer(400, {"code": 234002, "msg": "no rights"})
    feishu_stand.fail(feishu_files.FILES, "answer", refused)
    await FEISHU.send(context(feishu_stand), answer(Media(b"x", "a.bin"), Media(b"y", "b.bin")))
    _, told, file = feishu_stand.visible("oc_alice")
    assert "a.bin" in json.dumps(told.content)
    assert file.files == [("b.bin", b"y")]
