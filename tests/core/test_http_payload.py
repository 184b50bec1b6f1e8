"""Addresses from payloads: checked once, connected to as checked, never private."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from apps.core.http import (
    Door,
    Refused,
    Unreachable,
)
from apps.core.http_pool import Dial
from apps.core.wire import Wire

from .servers import OK, answering, certificate, serving


class Pinned(Dial):
    """Names resolve to what the test says; public addresses lead to the test's server."""

    def __init__(self, *addresses: str, port: int = 0) -> None:
        self.addresses = list(addresses)
        self.port = port
        self.resolved = 0
        self.connected: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.resolved += 1
        # A rebinding name server: public when it is checked, private when it is asked again.
        return self.addresses if self.resolved == 1 else ["127.0.0.1"]

    async def connect(self, address: str, port: int, tls: ssl.SSLContext | None, host: str) -> Wire:
        self.connected.append(address)
        return await super().connect("127.0.0.1", self.port, tls, host)


HOST = "files.example.com"
ALLOW = [HOST]


async def test_a_payload_address_is_connected_to_as_it_was_checked(tmp_path: Path) -> None:
    server_tls, client_tls = certificate(tmp_path, HOST)
    async with serving(answering(OK), server_tls) as server:
        dial = Pinned("93.184.216.34", port=server.port)
        door = Door(dial=dial, tls=client_tls)
        for _ in range(2):
            response = await door.get(f"https://{HOST}/a", configured=False, allow=ALLOW)
            assert response.body == b"ok"
        await door.aclose()
    assert dial.connected == ["93.184.216.34"]
    assert dial.resolved == 1
    assert f"\r\nhost: {HOST}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize("host", ["files.example.net", "127.0.0.1"])
async def test_the_certificate_is_checked_for_the_name(tmp_path: Path, host: str) -> None:
    server_tls, client_tls = certificate(tmp_path, host)
    async with serving(answering(OK), server_tls) as server:
        door = Door(dial=Pinned("93.184.216.34", port=server.port), tls=client_tls)
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await door.post(f"https://{HOST}/", configured=False, allow=ALLOW)
    assert server.requests == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:10.0.0.1"],
        ["93.184.216.34", "10.0.0.1"],
        ["2606:4700::1111", "::1"],
    ],
)
async def test_a_private_address_behind_a_name_is_refused(addresses: list[str]) -> None:
    dial = Pinned(*addresses)
    with pytest.raises(Refused, match="not allowed"):
        await Door(dial=dial).get(f"https://{HOST}/", configured=False, allow=ALLOW)
    assert dial.connected == []


async def test_a_second_look_up_is_checked_again() -> None:
    dial = Pinned("93.184.216.34", port=1)
    door = Door(dial=dial)
    with pytest.raises(Unreachable):
        await door.get(f"https://{HOST}/", configured=False, allow=ALLOW)
    with pytest.raises(Refused):
        await door.get(f"https://{HOST}/", configured=False, allow=ALLOW)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/",
        f"https://{HOST}:8443/",
        f"https://user@{HOST}/",
        "https://other.example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f000001/",
    ],
)
async def test_other_payload_addresses_are_not_even_resolved(url: str) -> None:
    dial = Pinned("93.184.216.34")
    with pytest.raises(Refused) as caught:
        await Door(dial=dial).get(url, configured=False, allow=ALLOW)
    assert caught.value.permanent
    assert dial.resolved == 0


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f000001", "017700000001"])
async def test_odd_spellings_of_loopback_are_seen_through(host: str) -> None:
    # The C library reads such names as addresses, without asking a name server.
    dial = Pinned(socket.inet_ntoa(socket.inet_aton(host)))
    with pytest.raises(Refused, match="not allowed"):
        await Door(dial=dial).get(f"https://{host}/", configured=False, allow=[host])
    assert dial.resolved == 1


async def test_localhost_is_not_public() -> None:
    with pytest.raises(Refused, match="not allowed"):
        await Door().get("https://localhost/", configured=False, allow=["localhost"])


async def test_a_payload_does_not_ride_on_a_configured_connection(tmp_path: Path) -> None:
    server_tls, client_tls = certificate(tmp_path, HOST)
    async with serving(answering(OK), server_tls) as server:
        dial = Pinned("10.0.0.1", port=server.port)
        door = Door(dial=dial, tls=client_tls)
        assert (await door.get(f"https://{HOST}/", configured=True)).ok
        with pytest.raises(Refused):
            await door.get(f"https://{HOST}/", configured=False, allow=ALLOW)
        await door.aclose()


async def test_metadata_is_for_nobody() -> None:
    for configured in (True, False):
        with pytest.raises(Refused):
            await Door().get("http://169.254.169.254/latest/", configured=configured)
