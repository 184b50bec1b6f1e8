"""The page of a stand-in in a browser: from a typed command to an answer with a button pressed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from apps.simulate.feishu import FeishuStand
from apps.simulate.page import Page
from apps.simulate.push import Pusher
from tests.console.stack import Stack

LONG_MS = 30_000


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    """The stand-in of Feishu, known to the installation as `sim`."""
    with FeishuStand() as desk:
        pairs = [f"{name}={value}" for name, value in desk.config().items()]
        added = stack.run("bot", "add", "feishu", "sim", *pairs)
        assert added.returncode == 0, added.stderr
        identity = f"feishu:sim:{desk.people['alice']}"
        added = stack.run("person", "add", "simona", "--role", "member", "--identity", identity)
        assert added.returncode == 0, added.stderr
        pusher = Pusher(desk, f"http://127.0.0.1:{stack.port}/webhooks/feishu/sim/")
        with Page(desk, pusher, language="en") as found:
            yield found
        pusher.close()


@pytest.fixture
def tab(chromium: Browser, page: Page) -> Iterator[Tab]:
    """A window on it, in which nothing odd may happen."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(LONG_MS)
    found = context.new_page()
    problems: list[str] = []
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("console", lambda said: said.type == "error" and problems.append(said.text))
    found.goto(page.url)
    yield found
    context.close()
    assert problems == []


def say(tab: Tab, text: str) -> None:
    """Type and press Enter."""
    tab.fill("#text", text)
    tab.press("#text", "Enter")


def test_a_command_is_answered_and_a_button_pressed(tab: Tab, page: Page) -> None:
    expect(tab.locator("#alive")).to_have_class("good", timeout=LONG_MS)
    say(tab, "/ping")
    expect(tab.locator(".seen").last).to_contain_text("pong", timeout=LONG_MS)
    expect(tab.locator("#calls details.good, #calls summary.good").first).to_be_visible()
    say(tab, "/pnig")  # the nearest command is offered
    button = tab.locator(".seen button").first
    expect(button).to_be_visible(timeout=LONG_MS)
    button.click()
    expect(tab.locator(".said").last).to_contain_text("click")
    expect(tab.locator(".said").last.locator(".good")).to_have_text("200", timeout=LONG_MS)


def test_what_people_write_is_text(tab: Tab) -> None:
    say(tab, "/echo <img src=x onerror=alert(1)>")
    shown = tab.locator(".seen").last
    expect(shown).to_contain_text("<img src=x onerror=alert(1)>", timeout=LONG_MS)
    assert tab.locator("#entries img").count() == 0


def test_failures_files_and_the_other_language(tab: Tab) -> None:
    tab.click("[data-fail='500']")
    say(tab, "/ping")
    expect(tab.locator("#calls summary.bad").last).to_contain_text("500", timeout=LONG_MS)
    tab.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hi"})
    tab.click("#upload")
    expect(tab.locator(".said").last).to_contain_text("a.txt", timeout=LONG_MS)
    tab.click("#language")
    expect(tab.locator("#write button").first).to_have_text("发送")
    expect(tab.locator(".said").first).to_be_visible()
