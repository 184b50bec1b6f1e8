"""Pictures and files that people send to an AI bot: fetched, decrypted, checked."""

from __future__ import annotations

import dataclasses

import pytest

from apps.core.http import Response
from apps.im import aibot_media
from apps.im.base import Later, Permanent
from apps.simulate.server import Answer
from apps.simulate.wecom_aibot import WecomAibotStand
from tests.im.aibot import AIBOT, asks, context, received

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.mark.parametrize("size", [1, 15, 16, 31, 32, 33, 1000])
async def test_a_file_arrives_whole(aibot_stand: WecomAibotStand, size: int) -> None:
    data = bytes(range(256)) * 4
    message = await asks(aibot_stand, aibot_stand.send_file(data[:size], "报告 1.bin"))
    (attachment,) = message.attachments
    media = await AIBOT.fetch(context(aibot_stand), attachment, size)
    assert (media.data, media.name) == (data[:size], "报告 1.bin")
    if size > 1:
        with pytest.raises(Permanent, match="too large"):
            await AIBOT.fetch(context(aibot_stand), attachment, size - 1)


async def test_a_picture_is_known_by_what_it_holds(aibot_stand: WecomAibotStand) -> None:
    message = await asks(aibot_stand, aibot_stand.send_file(PNG, "x.jpg"))
    assert message.kind == "image"
    media = await AIBOT.fetch(context(aibot_stand), message.attachments[0], 1000)
    assert (media.mime, media.is_image) == ("image/png", True)


async def test_speech_comes_as_words(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.send_file(b"", "v.amr", voice=True, transcript="帮我订会议室")
    message = received(aibot_stand, push).messages[0]
    assert (message.kind, message.text, message.attachments) == ("voice", "帮我订会议室", [])


@pytest.mark.parametrize(
    "url",
    [
        "http://x.myqcloud.com/a",
        "https://x.myqcloud.com.evil.example/a",
        "https://127.0.0.1/a",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
    ],
)
async def test_an_address_that_leads_elsewhere_is_not_called(
    aibot_stand: WecomAibotStand, url: str
) -> None:
    attachment = {"type": "file", "url": url, "encrypted": True}
    with pytest.raises(Permanent, match="elsewhere"):
        await AIBOT.fetch(context(aibot_stand), attachment, 1000)


async def test_what_goes_wrong_is_told_apart(aibot_stand: WecomAibotStand) -> None:
    message = await asks(aibot_stand, aibot_stand.send_file(b"data", "a.bin"))
    (attachment,) = message.attachments
    ctx = context(aibot_stand)
    gone = attachment | {"url": attachment["url"] + "x"}
    with pytest.raises(Permanent, match="no longer there"):
        await AIBOT.fetch(ctx, gone, 1000)
    for answer in (Answer(503, {}), Answer(429, {})):
        aibot_stand.fail("/media/", "answer", answer)
        with pytest.raises(Later):
            await AIBOT.fetch(ctx, attachment, 1000)
    aibot_stand.fail("/media/", "reset", times=2)
    with pytest.raises(Later):
        await AIBOT.fetch(ctx, attachment, 1000)
    other = context(aibot_stand, encoding_aes_key="A" * 43)
    with pytest.raises(Permanent, match="decrypted"):
        await AIBOT.fetch(other, attachment, 1000)
    broken = dataclasses.replace(ctx, config={**ctx.config, "encoding_aes_key": "short"})
    with pytest.raises(Permanent, match="no key"):
        await AIBOT.fetch(broken, attachment, 1000)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", ""),
        ("attachment", ""),
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a.pdf; size=3", "a.pdf"),
        ("attachment; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf", "报告.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment; filename*=utf-8''..%2F..%5Cx.exe", "x.exe"),
    ],
)
def test_a_name_is_bare(header: str, name: str) -> None:
    assert aibot_media._named(Response(200, {"content-disposition": header}, b"")) == name
