"""The sign-in, the console, Flower and the API's page in a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Visit

Window = Callable[..., Visit]
PASSWORD = "a long and quiet river"


def test_a_password_is_set_and_signs_in(window: Window) -> None:
    visit = window("erin")
    page = visit.page
    page.goto(f"{visit.base}/account/")
    for name in ("new_password1", "new_password2"):
        page.fill(f"[name={name}]", PASSWORD)
    page.locator("main form button").click()
    page.locator(".note.good").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/")
    page.goto(f"{visit.base}/account/")
    page.fill("[name=name]", "erin")
    page.fill("[name=password]", "wrong")
    visit.expected = ("403",)
    page.locator("main form button").click()
    page.locator(".note.bad").wait_for()
    page.fill("[name=password]", PASSWORD)
    page.locator("main form button").click()
    page.wait_for_url("**/account/")


def test_the_language_is_a_click_away(window: Window) -> None:
    visit = window()
    visit.page.goto(f"{visit.base}/sign-in/")
    visit.page.get_by_role("heading", name="Sign in").wait_for()
    visit.page.get_by_role("button", name="中文").click()
    visit.page.get_by_role("heading", name="登录").wait_for()


PAGES = [
    "/admin/", "/admin/assistant/job/", "/admin/assistant/message/", "/admin/im/delivery/",
    "/admin/im/bot/", "/admin/im/bot/add/", "/admin/accounts/person/", "/admin/accounts/role/",
    "/admin/schedules/schedule/", "/admin/audit/auditrow/",
]  # fmt: skip


def test_the_console_runs_under_the_strict_policy(window: Window) -> None:
    visit = window("alice")
    visit.ask("/ping")
    for path in PAGES:
        answer = visit.page.goto(visit.base + path)
        assert answer is not None
        assert answer.status == 200, path
    visit.page.goto(f"{visit.base}/admin/assistant/message/")
    visit.page.locator("#result_list tbody th a").first.click()
    visit.page.locator(".story").first.wait_for()


def test_flower_shows_workers_and_tasks(window: Window) -> None:
    visit = window("alice")
    page = visit.page
    page.goto(f"{visit.base}/flower/")
    page.locator("table tbody", has_text="worker-io@").wait_for(timeout=40_000)
    page.goto(f"{visit.base}/flower/tasks")
    page.locator("table tbody tr td").first.wait_for()
    page.goto(f"{visit.base}/flower/broker")
    page.locator("main", has_text="redis+socket").wait_for()
    page.locator("table tbody tr td").first.wait_for()


def test_the_documentation_works_offline(window: Window) -> None:
    visit = window("alice")
    visit.page.goto(f"{visit.base}/api/docs/")
    visit.page.locator("#operations-me-me").wait_for(timeout=40_000)


@pytest.mark.parametrize("path", ["/admin/", "/flower/"])
def test_a_member_is_told_no(window: Window, path: str) -> None:
    visit = window("bob")
    visit.expected = ("403",)
    answer = visit.page.goto(visit.base + path)
    assert answer is not None
    assert answer.status == 403
    visit.page.get_by_role("heading", name="You may not do this").wait_for()
