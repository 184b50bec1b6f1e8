"""The chat as a person in a browser has it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.browser.conftest import Visit
from tests.console.stack import Stack, wait_for

Window = Callable[..., Visit]
ATTACK = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>'


def test_a_newcomer_asks_and_is_answered(window: Window) -> None:
    visit = window("bob")
    page = visit.page
    page.locator("#empty").wait_for()
    assert page.locator(".chip").count() >= 3
    page.locator(".chip").first.click()
    assert page.input_value("#text")
    assert visit.ask("/ping").startswith("pong")
    assert not page.locator("#empty").is_visible()
    page.reload()
    visit.live()
    page.locator(".item.bot").first.wait_for()
    assert visit.said() == ["/ping"]
    assert page.locator(".item.bot").count() == 1


def test_enter_sends_and_shift_enter_does_not(window: Window) -> None:
    page = window("bob").page
    page.fill("#text", "/echo one")
    page.press("#text", "Shift+Enter")
    page.keyboard.type("two")
    assert page.input_value("#text") == "/echo one\ntwo"
    page.press("#text", "Enter")
    page.locator(".item.bot", has_text="one\ntwo").last.wait_for()
    assert page.input_value("#text") == ""


def test_an_input_method_s_enter_is_its_own(window: Window) -> None:
    visit = window("bob")
    before = len(visit.said())
    visit.page.fill("#text", "ni hao")
    visit.page.evaluate(
        """() => document.getElementById("text").dispatchEvent(new KeyboardEvent("keydown",
            {key: "Enter", isComposing: true, bubbles: true, cancelable: true}))"""
    )
    assert visit.page.input_value("#text") == "ni hao"
    assert len(visit.said()) == before


def test_words_of_strangers_stay_words(window: Window) -> None:
    visit = window("bob")
    answer = visit.ask(f"/echo {ATTACK} [x](javascript:alert(1)) https://example.com/a?b=1")
    assert ATTACK in answer
    assert visit.page.evaluate("() => window.hacked") is None
    links = visit.page.locator(".item.bot a").evaluate_all(
        "nodes => nodes.map((node) => [node.href, node.rel])"
    )
    assert ["https://example.com/a?b=1", "noopener noreferrer nofollow"] in links
    assert not [link for link, _ in links if not link.startswith("http")]
    assert visit.page.locator(".item img, .item script").count() == 0


def test_a_button_says_its_command(window: Window) -> None:
    visit = window("bob")
    page = visit.page
    visit.ask("/statsu")
    count = page.locator(".item.bot").count()
    offers = page.locator(".item.bot").nth(count - 1).locator("button")
    offers.first.click()
    page.locator(".item.bot").nth(count).wait_for(timeout=30_000)
    click = page.locator(".item.click").last
    assert click.inner_text().startswith("Clicked")
    assert offers.first.is_disabled()


def test_a_form_asks_for_what_is_missing(window: Window) -> None:
    visit = window("erin")
    page = visit.page
    visit.ask("/remind")
    form = page.locator(".card-form").last
    labels = form.locator("label").all_inner_texts()
    assert len(labels) == 2
    form.get_by_label(labels[0]).fill("in 3 days")
    form.get_by_label(labels[0]).press("Enter")  # the other one is empty: nothing is sent
    assert page.locator(".item.click").count() == 0
    form.get_by_label(labels[1]).fill("water the plants")
    count = page.locator(".item.bot").count()
    form.get_by_label(labels[1]).press("Enter")
    page.locator(".item.bot").nth(count).wait_for(timeout=30_000)
    assert "water the plants" in page.locator(".item.bot").last.inner_text()
    clicked = page.locator(".item.click").last.inner_text()
    assert clicked.startswith("Clicked")
    assert "/fill" not in clicked  # the button's label, not what it says to us
    page.locator(".card-form").wait_for(state="detached")
    visit.ask("/echo")
    page.locator(".card-form input").last.fill("<b>typed</b>")
    page.locator(".card-form button").last.click()
    page.locator(".item.bot", has_text="<b>typed</b>").last.wait_for(timeout=30_000)


def test_a_job_shows_its_progress_and_its_answer(window: Window) -> None:
    visit = window("alice")
    page = visit.page
    page.fill("#text", "/host")
    page.press("#text", "Enter")
    answer = page.locator(".item.bot.answer").last
    answer.wait_for(timeout=40_000)
    page.locator(".item.bot.answer .card-facts").last.wait_for(timeout=40_000)
    assert page.locator(".spinner").count() == 0


def test_suggestions_complete_a_command(window: Window) -> None:
    page = window("bob").page
    page.fill("#text", "")
    page.locator("#text").press_sequentially("/who")
    page.locator(".suggestion").first.wait_for()
    page.press("#text", "Tab")
    assert page.input_value("#text") == "/whoami"
    page.locator("#text").press_sequentially("x")
    page.fill("#text", "/")
    page.press("#text", "ArrowDown")
    assert page.locator('.suggestion[aria-selected="true"]').count() == 1
    page.press("#text", "Escape")
    assert not page.locator("#suggestions").is_visible()


def test_what_is_sent_without_a_network_arrives_once(window: Window) -> None:
    visit = window("dora")
    visit.expected = ("ERR_INTERNET_DISCONNECTED", "WebSocket")
    page = visit.page
    page.context.set_offline(True)
    page.fill("#text", "/ping")
    page.press("#text", "Enter")
    page.locator(".item.mine.pending").wait_for()
    page.locator("#waiting", has_text="trying again").wait_for()
    page.context.set_offline(False)
    page.locator(".item.bot").first.wait_for(timeout=40_000)
    page.reload()
    page.locator(".item.bot").first.wait_for()
    assert visit.said() == ["/ping"]


def test_without_a_socket_everything_still_arrives(window: Window) -> None:
    visit = window("bob")
    visit.expected = ("WebSocket",)
    page = visit.page
    page.route_web_socket("**/ws/chat/", lambda link: link.close())
    page.reload()
    page.locator('#status[data-state="polling"]').wait_for()
    page.locator('#feed[aria-busy="false"]').wait_for()
    assert "by hand" in visit.ask("/echo by hand")


def test_two_windows_show_the_same(window: Window) -> None:
    one, two = window("dora"), window("dora")
    before = two.page.locator(".item.bot").count()
    one.ask("/echo from the other window")
    two.page.locator(".item.bot").nth(before).wait_for()
    assert "from the other window" in two.page.locator(".item.bot").last.inner_text()


def test_a_wrong_pairing_code_says_so(window: Window) -> None:
    visit = window("bob")
    visit.expected = ("400",)
    page = visit.page
    page.locator("#pair-open").click()
    page.fill("#pair-code", "ABCD2345")
    page.locator("#pair-form .primary").click()
    page.locator("#pair-result.bad").wait_for()
    page.locator("#pair-close").click()
    assert not page.locator("#pair").is_visible()


def test_signing_out_elsewhere_ends_this_page(window: Window) -> None:
    visit = window("bob")
    visit.expected = ("403",)
    page = visit.page
    page.context.clear_cookies()
    page.fill("#text", "/ping")
    page.press("#text", "Enter")
    page.wait_for_url("**/sign-in/**")


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (320, 568)])
@pytest.mark.parametrize(("scheme", "locale"), [("light", "zh-CN"), ("dark", "en-GB")])
def test_nothing_hangs_over_the_edge(
    window: Window, size: tuple[int, int], scheme: str, locale: str
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    visit = window("alice", viewport=viewport, color_scheme=scheme, locale=locale)
    visit.ask("/help")
    for path in ("/chat/", "/account/"):
        visit.page.goto(visit.base + path)
        visit.page.locator(".bar").wait_for()
        width = visit.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= size[0], path
    if size[0] < 1280:
        return
    ground = visit.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(16, 22, 21)") == (scheme == "dark")


def test_the_page_survives_a_restart_of_the_web(window: Window, stack: Stack) -> None:
    visit = window("alice")
    visit.expected = ("WebSocket", "ERR_", "Failed to load")
    pid = stack.pids()["web"]
    os.kill(pid, signal.SIGKILL)
    visit.page.locator('#status:not([data-state="live"])').wait_for()
    visit.page.fill("#text", "/echo still here")
    visit.page.press("#text", "Enter")
    wait_for(lambda: stack.pids().get("web") not in (None, pid), 40, "a new web process")
    visit.live(60)
    visit.page.locator(".item.bot", has_text="still here").last.wait_for(timeout=40_000)
    assert visit.said().count("/echo still here") == 1
