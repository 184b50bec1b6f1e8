"""The stand-ins by hand: the command, the page to chat in, pushes that come again."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect

from apps.im.base import get_platform
from apps.simulate import push as pushing
from apps.simulate.desk import Desk
from apps.simulate.desks import all_desks
from apps.simulate.dingtalk import DingTalkStand
from apps.simulate.feishu import FeishuStand
from apps.simulate.page import Page
from apps.simulate.push import Pusher
from apps.simulate.server import Answer, Call, HttpStand
from apps.simulate.telegram import TelegramStand
from tests.console.stack import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]


class Installation(HttpStand):
    """Takes events as an installation would, and lives."""

    status = 200

    def respond(self, call: Call) -> Answer:
        """As told."""
        return Answer(200 if call.path == "/healthz/live" else self.status, {"seen": "<b>"})


class Browser:
    """What the page's script does."""

    def __init__(self, page: Page) -> None:
        self._port = int(page.url.rpartition(":")[2])

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One GET."""
        return self._ask("GET", path, None, headers)

    def state(self) -> dict[str, Any]:
        """What is shown."""
        state: dict[str, Any] = json.loads(self.get("/state")[2])
        return state

    def act(self, act: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """Press something."""
        headers = {"content-type": "application/json"}
        body = json.dumps({"act": act, **more}).encode()
        status, _, answer = self._ask("POST", "/do", body, headers)
        return status, json.loads(answer)

    def post(self, body: bytes, **headers: str) -> int:
        """A POST as another site could make it."""
        return self._ask("POST", "/do", body, headers)[0]

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@pytest.fixture
def installation() -> Iterator[Installation]:
    with Installation() as found:
        yield found


@pytest.fixture
def desk() -> Iterator[FeishuStand]:
    with FeishuStand() as found:
        yield found


@pytest.fixture
def page(desk: FeishuStand, installation: Installation) -> Iterator[Page]:
    pusher = Pusher(desk, f"{installation.url}/webhooks/feishu/sim/")
    with Page(desk, pusher) as found:
        yield found
    pusher.close()


@pytest.fixture
def browser(page: Page) -> Browser:
    return Browser(page)


def send(desk: Desk, text: str, **more: str) -> None:
    """The bot sends a card to Alice's chat, past the API."""
    card = {
        "schema": "2.0",
        "config": {"update_multi": True},
        "body": {
            "elements": [
                {"tag": "markdown", "content": text},
                {
                    "tag": "button",
                    "text": {"tag": "plain_text", "content": "Approve"},
                    "type": "primary",
                    "behaviors": [{"type": "callback", "value": {"t": "1.2.3.4"}}],
                },
            ]
        },
    }
    token = _post(desk, "/open-apis/auth/v3/tenant_access_token/internal", "", {
        "app_id": desk.config()["app_id"], "app_secret": desk.config()["app_secret"],
    })["tenant_access_token"]  # fmt: skip
    path = "/open-apis/im/v1/messages?receive_id_type=chat_id"
    body = {"receive_id": "oc_alice", "msg_type": "interactive", "content": json.dumps(card)}
    assert _post(desk, path, token, body)["code"] == 0


def _post(desk: Desk, path: str, token: str, body: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", int(desk.url.rpartition(":")[2]))
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    connection.request("POST", path, json.dumps(body), headers)
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def entries(browser: Browser) -> list[dict[str, Any]]:
    """What the page shows of what was said and seen."""
    found: list[dict[str, Any]] = browser.state()["entries"]
    return found


# ---- the page ----


def test_what_is_typed_is_pushed_and_shown(browser: Browser, installation: Installation) -> None:
    assert browser.act("say", who="alice", where="private", text="/ping") == (200, {})
    wait_for(lambda: entries(browser)[0]["said"]["attempts"], 5)
    (entry,) = entries(browser)
    assert entry["said"]["attempts"] == [[200, '{"seen": "<b>"}']]
    (call,) = installation.calls_to("/webhooks/feishu/sim/")
    assert call.headers["x-lark-signature"]


@pytest.mark.parametrize("where", ["private", "group", "unmentioned", "all"])
def test_every_place_can_be_written_in(
    browser: Browser, installation: Installation, where: str
) -> None:
    assert browser.act("say", who="mallory", where=where, text="hi")[0] == 200
    assert installation.wait(lambda: bool(installation.calls_to("/webhooks/")))


def test_people_see_cards_and_click(
    browser: Browser, desk: FeishuStand, installation: Installation
) -> None:
    send(desk, "**pay** 100?")
    (entry,) = entries(browser)
    seen = entry["seen"]
    assert "**pay** 100?" in seen["text"]
    ((label, value),) = seen["buttons"]
    assert label == "Approve"
    asked = {"id": seen["id"], "value": value, "who": "bob", "values": {"amount": "100", "x": ""}}
    assert browser.act("click", **asked) == (200, {})
    assert installation.wait(lambda: bool(installation.calls_to("/webhooks/")))
    assert entries(browser)[1]["said"]["text"] == "Approve"


def test_a_file_and_a_voice_message_are_sent(browser: Browser, installation: Installation) -> None:
    data = base64.b64encode(b"bytes").decode()
    for voice in (False, True):
        asked = {"who": "alice", "name": "a.txt", "voice": voice, "transcript": "", "data": data}
        assert browser.act("file", **asked) == (200, {})
    assert installation.wait(lambda: len(installation.calls_to("/webhooks/")) == 2)


def test_a_file_that_people_see_is_never_shown_inside_the_browser(
    browser: Browser, desk: FeishuStand
) -> None:
    send(desk, "report")
    (shown,) = desk.visible()
    shown.files.append(("<b>报告.html", b"<script>"))
    status, headers, body = browser.get(f"/file?id={shown.message_id}&n=0")
    assert (status, body) == (200, b"<script>")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"].startswith("attachment;")
    assert browser.get(f"/file?id={shown.message_id}&n=1")[0] == 404
    assert browser.get("/file?id=none&n=0")[0] == 404


@pytest.mark.parametrize(
    ("kind", "status"), [("429", 429), ("500", 500), ("cut", 0), ("timeout", 0)]
)
def test_the_next_call_fails_and_the_one_after_does_not(
    browser: Browser, desk: FeishuStand, kind: str, status: int
) -> None:
    assert browser.act("fail", kind=kind) == (200, {})
    assert asks(desk, 0.5) == status
    assert asks(desk, 5) == 400  # a call without a token
    logged = browser.state()["calls"]
    assert [one["fault"] for one in logged] == [{"cut": "cut", "timeout": "hang"}.get(kind, ""), ""]
    assert logged[-1]["status"] == 400
    assert "Missing access token" in logged[-1]["answer"]


def asks(desk: Desk, patience: float) -> int:
    """The status of a call of the API; 0 when there was no whole answer."""
    port = int(desk.url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request("GET", "/open-apis/bot/v3/info")
        answer = connection.getresponse()
        return answer.status if answer.read() else 0
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def test_the_api_goes_down_and_the_page_stays(
    browser: Browser, desk: FeishuStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.simulate.page.DOWN_S", 0.3)
    assert browser.act("down") == (200, {})
    assert browser.state()["down"] is True
    assert asks(desk, 1) == 0
    wait_for(lambda: not browser.state()["down"], 5)
    assert asks(desk, 1) == 400


def test_the_page_says_whether_an_installation_answers(
    browser: Browser, page: Page, installation: Installation
) -> None:
    wait_for(lambda: browser.state()["alive"], 5)
    assert browser.act("target", target="http://127.0.0.1:9/webhooks/feishu/x/") == (200, {})
    wait_for(lambda: not browser.state()["alive"], 10)
    for bad in ("", "javascript:1", "127.0.0.1:8000", "http://"):
        assert browser.act("target", target=bad)[0] == 400
    assert page.pusher.target == "http://127.0.0.1:9/webhooks/feishu/x/"


def test_other_sites_cannot_press_its_buttons(browser: Browser, desk: FeishuStand) -> None:
    body = b'{"act": "say", "who": "alice", "where": "private", "text": "/wipe"}'
    assert browser.post(body, **{"content-type": "text/plain"}) == 415
    assert browser.post(body) == 415
    evil = {"content-type": "application/json", "host": "evil.example:9401"}
    assert browser.post(body, **evil) == 403  # a name that was made to point here
    assert browser.get("/state", host="evil.example")[0] == 403
    assert entries(browser) == []


def test_the_page_allows_nothing_from_elsewhere(browser: Browser) -> None:
    status, headers, body = browser.get("/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    nonces = set(re.findall(r'nonce="([^"]+)"', body.decode()))
    (nonce,) = nonces
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"script-src 'nonce-{nonce}';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|https?://", body.decode())


@pytest.mark.parametrize(
    "asked",
    [
        {"act": "say"},
        {"act": "nothing"},
        {"act": "say", "who": "nobody", "where": "private", "text": "x"},
        {"act": "again", "n": 7},
        {"act": "again", "n": "x"},
        {"act": "fail", "kind": "gently"},
        {"act": "click", "id": "none", "value": "", "who": "alice", "values": {}},
        {"act": "file", "who": "alice", "name": "a", "voice": False, "transcript": "", "data": "!"},
    ],
)
def test_what_cannot_be_done_is_said(browser: Browser, asked: dict[str, Any]) -> None:
    status, answer = browser.act(**asked)
    assert status == 400
    assert answer["error"]
    assert browser.get("/state")[0] == 200


HEARING = sorted(name for name in all_desks() if get_platform(name).abilities.receives)


@pytest.mark.parametrize("name", HEARING)
def test_people_of_every_stand_can_write(name: str, installation: Installation) -> None:
    with all_desks()[name]() as desk:
        pusher = Pusher(desk, f"{installation.url}/webhooks/{name}/sim/")
        with Page(desk, pusher) as page:
            browser = Browser(page)
            assert browser.act("say", who="alice", where="private", text="/ping") == (200, {})
            arrived = f"/webhooks/{name}/sim/"
            assert installation.wait(lambda: bool(installation.calls_to(arrived)))
            said = entries(browser)[0]["said"]
            assert (said["who"], said["text"]) == ("alice", "/ping")
        pusher.close()


# ---- pushing ----


def test_a_push_that_is_refused_comes_again_until_it_is_taken(
    desk: FeishuStand, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "LONGEST_PAUSE_S", 0.1)
    installation.status = 503
    pusher = Pusher(desk, f"{installation.url}/x/")
    event = pusher.send(desk.say("/ping"))
    wait_for(lambda: len(event.attempts) == 2, 5)
    installation.status = 200
    wait_for(lambda: event.attempts[-1].taken, 5)
    count = len(event.attempts)
    assert [one.status for one in event.attempts] == [503] * (count - 1) + [200]
    bodies = {call.body for call in installation.calls}
    assert len(bodies) == 1  # the same event
    pusher.again(event)
    wait_for(lambda: len(event.attempts) == count + 1, 5)


def test_a_bot_that_asks_for_its_updates_is_not_pushed_to(installation: Installation) -> None:
    with TelegramStand() as stand:
        pusher = Pusher(stand, f"{installation.url}/x/")
        first = pusher.send(stand.say("pushed"))
        wait_for(lambda: first.attempts, 5)
        assert len(installation.calls_to("/x/")) == 1
        updates = f"/bot{stand.token}/getUpdates"
        assert _asked(stand, updates)["result"] == []
        second = pusher.send(stand.say("fetched"))
        wait_for(lambda: second.attempts, 5)
        (update,) = _asked(stand, updates)["result"]
        assert update["message"]["text"] == "fetched"
        assert len(installation.calls_to("/x/")) == 1
        assert [one.taken for one in second.attempts] == [True]


def _asked(stand: Desk, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", int(stand.url.rpartition(":")[2]))
    connection.request("POST", path, "{}", {"content-type": "application/json"})
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


async def test_an_event_goes_through_the_connection_that_a_bot_keeps(
    installation: Installation,
) -> None:
    with DingTalkStand() as stand:
        pusher = Pusher(stand, f"{installation.url}/x/")
        offered = stand.gateway.offer()
        address = f"{offered['endpoint']}?{urlencode({'ticket': offered['ticket']})}"
        async with connect(address) as socket:
            event = pusher.send(stand.say("/ping"))
            name = json.loads(await socket.recv())["headers"]["messageId"]
            headers = {"contentType": "application/json", "messageId": name}
            ack = {"code": 200, "headers": headers, "message": "OK", "data": "{}"}
            await socket.send(json.dumps(ack))
            await asyncio.to_thread(wait_for, lambda: event.attempts, 5)
        assert [one.taken for one in event.attempts] == [True]
        assert not installation.calls_to("/x/")


def test_a_push_is_given_up_when_the_vendor_would(
    desk: FeishuStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "LONGEST_PAUSE_S", 0.01)
    event = Pusher(desk, "http://127.0.0.1:9/").send(desk.say("/ping"))
    wait_for(lambda: len(event.attempts) == 1 + len(desk.repeats_s), 5)
    assert {one.status for one in event.attempts} == {0}
    assert "refused" in event.attempts[0].why.lower()


# ---- the command ----


def test_every_stand_is_found() -> None:
    found = all_desks()
    assert {"feishu", "webhook"} <= set(found)
    assert found["feishu"] is FeishuStand
    for name, kind in found.items():
        stand = kind()
        assert stand.platform == name
        streams = "stream" in get_platform(name).connections
        assert (stand.stream_config is not None) == streams
        if get_platform(name).abilities.receives:
            assert {"alice", "bob", "mallory"} <= set(stand.people)


def test_a_stand_of_a_test_hides_none_of_ours() -> None:
    class Own(FeishuStand):
        """Only here."""

    assert Own.platform == "feishu"
    assert all_desks()["feishu"] is FeishuStand


def manage(home: Path, *words: str, web: int = 8000) -> subprocess.Popen[str]:
    """The command, on a data folder that nobody has."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLAWDBOT_", "DJANGO_"))}
    env = kept | {"CLAWDBOT_HOME": str(home), "CLAWDBOT_LANGUAGE": "en", "CLAWDBOT_PORT": str(web)}
    return subprocess.Popen(
        [sys.executable, "manage.py", "simulate", *words],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_an_unknown_platform_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    process = manage(tmp_path / "home", "icq")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert all(name in said for name in ("icq", "feishu", "webhook"))
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_ended(
    tmp_path: Path, by: signal.Signals, request: pytest.FixtureRequest
) -> None:
    nobody = free_port()
    process = manage(tmp_path / "home", "webhook", "--port", "0", web=nobody)
    request.addfinalizer(process.kill)
    assert process.stdout is not None
    lines = []
    while not any("page" in line for line in lines):
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        lines.append(line)
    said = "".join(lines)
    assert re.search(r"reply_url=http://127\.0\.0\.1:\d+/replies", said)
    assert "bot add webhook sim-webhook secret=whsec_" in said
    assert "person add sim-webhook-alice --role member --identity webhook:sim-webhook:" in said
    address = re.search(r"http://127\.0\.0\.1:(\d+)\s", lines[-1])
    assert address
    connection = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=10)
    connection.request("GET", "/state")
    state = json.loads(connection.getresponse().read())
    connection.close()
    assert state["target"] == f"http://127.0.0.1:{nobody}/webhooks/webhook/sim-webhook/"
    assert state["alive"] is False
    process.send_signal(by)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, err) == (0, "")
    assert "Ended" in out
    assert not (tmp_path / "home").exists()


def test_a_port_that_is_taken_is_said(tmp_path: Path, desk: FeishuStand) -> None:
    port = desk.url.rpartition(":")[2]
    process = manage(tmp_path / "home", "feishu", "--port", port)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert port in said
    assert "Traceback" not in said
