"""A real installation and a headless Chromium that looks at it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.console.stack import Stack

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs Chromium and the stack."""
    for item in items:
        if "tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def program() -> str:
    """The installed browser; skips when there is none (with CI=true that is a failure)."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(PROGRAMS)} is on PATH")
    return found


@pytest.fixture(scope="module")
def chromium(program: str) -> Iterator[Browser]:
    """One browser for a module: its event loop must be gone before other tests run theirs."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=root)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stack(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation with Alice (administrator, the first) and Bob (member)."""
    found = Stack(tmp_path_factory.mktemp("browser") / "home")
    found.up()
    for name in ("alice", "bob", "dora", "erin"):
        role = "administrator" if name == "alice" else "member"
        added = found.run("person", "add", name, "--role", role)
        assert added.returncode == 0, added.stderr
    yield found
    found.end()


class Visit:
    """A browser window of one person, and everything about it that should not be."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self.page = page
        self.base = f"http://127.0.0.1:{stack.port}"
        self.stack = stack
        self.problems: list[str] = []
        self.expected: tuple[str, ...] = ()
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", self._console)
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.problems.append(f"request: {request.url}")

    def sign_in(self, name: str) -> None:
        """By a fresh one-time link."""
        said = self.stack.run("person", "signin", name)
        link = re.search(r"/sign-in/\S+", said.stdout)
        assert link, said.stdout + said.stderr
        self.page.goto(self.base + link[0])
        self.page.locator("main form button").click()
        self.page.wait_for_url("**/chat/")

    def chat(self) -> None:
        """Open the chat and wait until it is live."""
        self.page.goto(f"{self.base}/chat/")
        self.live()

    def live(self, seconds: float = 30) -> None:
        """Wait until the page is connected and shows what there is."""
        self.page.locator('#feed[aria-busy="false"]').wait_for(timeout=seconds * 1000)
        self.page.locator('#status[data-state="live"]').wait_for(timeout=seconds * 1000)

    def ask(self, text: str) -> str:
        """Type, press Enter, wait for one more word of the bot's; returns its text."""
        answers = self.page.locator(".item.bot")
        count = answers.count()
        self.page.fill("#text", text)
        self.page.press("#text", "Enter")
        answers.nth(count).wait_for(timeout=30_000)
        return answers.nth(count).inner_text()

    def said(self) -> list[str]:
        """The bubbles of the person, sent or not."""
        return self.page.locator(".item.mine .bubble").all_inner_texts()


@pytest.fixture(scope="session")
def cookies() -> dict[str, Any]:
    """The cookies of those who have signed in: a link for each window would take its time."""
    return {}


@pytest.fixture
def window(
    chromium: Browser, stack: Stack, cookies: dict[str, Any]
) -> Iterator[Callable[..., Visit]]:
    """Open windows; at the end nothing odd may have happened in any of them."""
    open_: list[tuple[BrowserContext, Visit]] = []

    def make(name: str = "", **options: Any) -> Visit:
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | options
        context = chromium.new_context(**options)
        context.set_default_timeout(20_000)
        visit = Visit(context.new_page(), stack)
        open_.append((context, visit))
        if name in cookies:
            context.add_cookies(cookies[name])
            visit.chat()
        elif name:
            visit.sign_in(name)
            visit.live()
            cookies[name] = context.cookies()
        return visit

    yield make
    problems = [problem for _, visit in open_ for problem in visit.problems]
    expected = tuple(word for _, visit in open_ for word in visit.expected)
    for context, _ in open_:
        context.close()
    assert not [p for p in problems if not any(word in p for word in expected)]
