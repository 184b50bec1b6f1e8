"""The door out: what is sent, what comes back, for coroutines and for plain code."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apps.core.http import (
    Door,
    File,
    Refused,
    SyncDoor,
)
from apps.core.strictjson import MalformedJson

from .servers import OK, Peer, answering, serving


async def test_an_answer_comes_back_whole(door: Door) -> None:
    answer = (
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-Two: a\r\nX-Two: b\r\n"
        b"Content-Length: 13\r\n\r\n" + b'{"code": "0"}'
    )
    async with serving(answering(answer)) as server:
        response = await door.get(f"{server.url}/a?b=c", configured=True, params={"d": "e f"})
    assert (response.status, response.ok, response.json()) == (201, True, {"code": "0"})
    assert response.headers["x-two"] == "a, b"
    assert response.text == '{"code": "0"}'
    head = server.requests[0].decode()
    assert head.startswith("GET /a?b=c&d=e+f HTTP/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{server.port}\r\n" in head
    assert "content-length" not in head


async def test_an_answer_that_is_no_strict_json(door: Door) -> None:
    answer = b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{"a":1,"a":2}'
    async with serving(answering(answer)) as server:
        response = await door.get(server.url, configured=True)
    with pytest.raises(MalformedJson):
        response.json()


BODIES: list[tuple[dict[str, Any], str, bytes]] = [
    ({"json": {"文": [1]}}, "application/json; charset=utf-8", '{"文":[1]}'.encode()),
    ({"data": {"a": "b c"}}, "application/x-www-form-urlencoded", b"a=b+c"),
    ({"body": b"\x00\xff"}, "application/octet-stream", b"\x00\xff"),
    ({"body": b"<a/>", "headers": {"Content-Type": "text/xml"}}, "text/xml", b"<a/>"),
    ({"json": []}, "application/json; charset=utf-8", b"[]"),
]


@pytest.mark.parametrize(("options", "kind", "body"), BODIES)
async def test_bodies(door: Door, options: dict[str, Any], kind: str, body: bytes) -> None:
    async with serving(answering(OK)) as server:
        await door.post(server.url, configured=True, **options)
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert f"\r\ncontent-type: {kind}" in head.decode()
    assert head.count(b"content-type") == 1


async def test_a_multipart_form(door: Door) -> None:
    async with serving(answering(OK)) as server:
        await door.post(
            server.url,
            configured=True,
            data={"type": "image"},
            files={"file": File('a"b\r\nc.png', b"\x89PNG", "image/png")},
        )
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    boundary = head.split(b"boundary=")[1].split(b"\r\n")[0]
    assert body == (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="type"\r\n\r\nimage\r\n'
        b"--" + boundary + b"\r\nContent-Disposition: form-data; "
        b'name="file"; filename="a%22b%0D%0Ac.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n'
        b"--" + boundary + b"--\r\n"
    )


async def test_an_empty_post_says_so(door: Door) -> None:
    async with serving(answering(OK)) as server:
        await door.post(server.url, configured=True)
    assert b"\r\ncontent-length: 0\r\n" in server.requests[0]


@pytest.mark.parametrize(
    "options",
    [
        {"json": {}, "body": b""},
        {"data": {}, "body": b""},
        {"json": 1, "files": {"a": File("a", b"")}},
    ],
)
async def test_a_request_has_one_body(door: Door, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one body"):
        await door.post("http://127.0.0.1:1/", configured=True, **options)


async def test_unheard_of_options_are_a_mistake(door: Door) -> None:
    options: dict[str, Any] = {"follow_redirects": True}
    with pytest.raises(TypeError, match="follow_redirects"):
        await door.get("http://127.0.0.1:1/", configured=True, **options)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nX-Evil: 1"},
        {"X-A": "b\nc"},
        {"X-A\r\nX-Evil": "1"},
        {"X A": "1"},
        {"": "1"},
        {"X-A": "\x00"},
        {"X-A": "中"},
        {"Host": "evil.example"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
    ],
)
async def test_headers_cannot_break_out(door: Door, headers: dict[str, str]) -> None:
    async with serving(answering(OK)) as server:
        with pytest.raises(Refused):
            await door.get(server.url, configured=True, headers=headers)
    assert server.connections == 0


FORMS = {
    "length": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    % len(gzip.compress(b"hello"))
    + gzip.compress(b"hello"),
}


@pytest.mark.parametrize("answer", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_forms_of_answers_in_any_pieces(door: Door, answer: bytes, size: int) -> None:
    async def behave(peer: Peer) -> None:
        while True:
            await peer.request()
            for at in range(0, len(answer), size):
                await peer.say(answer[at : at + size])
                await asyncio.sleep(0)

    async with serving(behave) as server:
        for _ in range(2):
            response = await door.get(server.url, configured=True)
            assert (response.status, response.body) == (200, b"hello")
            assert "link" not in response.headers
    assert server.connections == 1


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
async def test_an_answer_without_length_ends_with_the_connection(
    door: Door, version: bytes
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.request()
        await peer.say(version + b" 200 OK\r\nconnection: close\r\n\r\nhello")

    async with serving(behave) as server:
        for _ in range(2):
            assert (await door.get(server.url, configured=True)).body == b"hello"
    assert server.connections == 2


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_that_have_no_body(door: Door, status: bytes) -> None:
    async with serving(answering(b"HTTP/1.1 " + status + b"\r\n\r\n")) as server:
        for _ in range(2):
            assert (await door.get(server.url, configured=True)).body == b""
    assert server.connections == 1


async def test_head_does_not_wait_for_the_body_it_hears_of(door: Door) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")) as server:
        for _ in range(2):
            response = await door.request("HEAD", server.url, configured=True)
            assert (response.headers["content-length"], response.body) == ("9", b"")


async def test_redirects_are_answers(door: Door) -> None:
    async with serving(answering(OK)) as second:
        moved = b"HTTP/1.1 302 Found\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n"
        async with serving(answering(moved % second.url.encode())) as first:
            response = await door.get(first.url, configured=True)
    assert response.status == 302
    assert response.headers["location"] == second.url
    assert second.connections == 0


async def test_no_proxy_is_taken_from_the_environment(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(answering(OK)) as proxy, serving(answering(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await door.get(server.url, configured=True)
    assert (proxy.connections, server.connections) == (0, 1)


@pytest.fixture
async def sync_url() -> AsyncIterator[str]:
    async with serving(answering(OK)) as server:
        yield server.url


async def test_the_same_for_synchronous_code(sync_url: str) -> None:
    door = SyncDoor(Door())

    def work() -> list[bytes]:
        return [
            door.get(sync_url, configured=True).body,
            door.post(sync_url, configured=True, json={}).body,
        ]

    results = await asyncio.gather(*(asyncio.to_thread(work) for _ in range(3)))
    assert results == [[b"ok", b"ok"]] * 3
    with pytest.raises(Refused):
        await asyncio.to_thread(door.get, sync_url, configured=False)


async def test_synchronous_calls_do_not_block_a_loop(sync_url: str) -> None:
    with pytest.raises(RuntimeError, match="must not wait"):
        SyncDoor(Door()).get(sync_url, configured=True)


def test_requests_are_plain_json() -> None:
    """What ``json=`` sends is what the standard library would read back."""
    from apps.core.http_request import encoded

    body, _ = encoded(json={"a": "中", "b": [1.5, None]})
    assert json.loads(body or b"") == {"a": "中", "b": [1.5, None]}
