"""Logging: one ECS JSON line per record, without secrets and without people's words."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.core import logging as core_logging
from apps.core.logging import bind_trace, get_logger, new_trace_id

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    core_logging.configure("INFO", stream)

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield read
    root.handlers[:], root.level = before


def test_structlog_and_stdlib_look_alike(lines: Lines) -> None:
    get_logger("apps.webhooks").info("stored", action="inbox.store", count=3)
    logging.getLogger("django.request").warning("Not Found: %s", "/x", extra={"status_code": 404})
    ours, theirs = lines()
    assert (ours["message"], ours["log.level"], ours["log"]["logger"]) == (
        "stored",
        "info",
        "apps.webhooks",
    )
    assert ours["event"]["action"] == "inbox.store"
    assert ours["clawdbot"]["count"] == 3
    assert (theirs["message"], theirs["log.level"]) == ("Not Found: /x", "warning")
    assert theirs["http"]["response"]["status_code"] == 404
    for line in (ours, theirs):
        assert line["@timestamp"].endswith("+00:00")
        assert line["service"]["name"] == "clawdbot"
        assert line["process"]["pid"] > 0
        assert line["ecs.version"]


@pytest.mark.parametrize("name", ["django", "celery.worker", "uvicorn.error", "apps.core"])
def test_every_logger_says_a_thing_once(lines: Lines, name: str) -> None:
    logging.getLogger(name).error("once")
    assert [line["message"] for line in lines()] == ["once"]


def test_levels_and_talkative_libraries(lines: Lines) -> None:
    get_logger("apps.x").debug("hidden")
    logging.getLogger("httpx2").info("HTTP Request: GET https://example.com/secret-path")
    logging.getLogger("uvicorn.access").info("GET /sign-in/abc")
    logging.getLogger("django.db.backends").debug("INSERT … 'my words'")
    assert lines() == []


def test_a_trace_goes_with_every_line_of_its_block(lines: Lines) -> None:
    trace = new_trace_id()
    assert len(trace) == 32
    with bind_trace(trace, user_id="7"):
        assert core_logging.current_trace_id() == trace
        get_logger("a").info("one")
        logging.getLogger("b").info("two")
    get_logger("a").info("three")
    assert core_logging.current_trace_id() == ""
    one, two, three = lines()
    assert one["trace"]["id"] == two["trace"]["id"] == trace
    assert one["user"]["id"] == "7"
    assert "trace" not in three


async def test_traces_of_concurrent_tasks_do_not_mix(lines: Lines) -> None:
    barrier = asyncio.Event()

    async def work(name: str) -> None:
        with bind_trace(name * 32):
            await barrier.wait()
            get_logger("a").info(name)

    tasks = [asyncio.create_task(work(name)) for name in "abc"]
    await asyncio.sleep(0)
    barrier.set()
    await asyncio.gather(*tasks)
    assert all(line["trace"]["id"] == line["message"] * 32 for line in lines())


def test_what_people_write_is_not_logged(lines: Lines) -> None:
    words = "工资条 my salary"
    get_logger("a").info(
        "message stored",
        message_id="m1",
        text=words,
        card={"body": words},
        nested={"answer": words},
    )
    logging.getLogger("b").info("stored", extra={"content": words})
    ours, theirs = lines()
    assert "salary" not in json.dumps([ours, theirs])
    assert ours["clawdbot"]["text_length"] == len(words)
    assert ours["clawdbot"]["nested"] == {"answer_length": len(words)}
    assert ours["clawdbot"]["message_id"] == "m1"
    assert theirs["clawdbot"]["content_length"] == len(words)


def test_canary_secrets_do_not_get_through(lines: Lines) -> None:
    canary = "c4n4ryC4N4RY4711"
    log = get_logger("a")
    log.info(f"refused whsec_{canary}", app_secret=canary, headers={"Authorization": canary})
    log.info("called", url=f"https://x.example/?access_token={canary}", items=[f"sk-{canary}"])
    logging.getLogger("b").error("token=%s", canary, extra={"api_key": canary})
    try:
        raise ValueError(f'{{"tenant_access_token": "{canary}"}}')
    except ValueError:
        log.exception("failed")
        logging.getLogger("b").exception("failed too")
    assert len(lines()) == 5
    assert canary not in json.dumps(lines())


def test_a_trace_is_shown_and_what_a_library_calls_so_is_scrubbed(lines: Lines) -> None:
    trace = new_trace_id()
    get_logger("apps.x").info("ours", trace_id=trace)
    logging.getLogger("x").warning("theirs", extra={"trace_id": "sk-abcdefghijklmnopqrstuvwxyz"})
    logging.getLogger("x").warning("theirs", extra={"trace_id": "xoxb-123456789-abcdefghijklmnop"})
    assert [line["trace"]["id"] for line in lines()] == [trace, "***", "***"]


def test_every_line_is_json_whatever_the_numbers() -> None:
    formatter = core_logging.EcsFormatter()
    for number in (float("nan"), float("inf"), -float("inf")):
        record = logging.makeLogRecord({"msg": "x", "a": number, "name": "x"})
        line = json.loads(formatter.format(record), parse_constant=pytest.fail)
        assert line["clawdbot"]["a"] == str(number)


def test_numbers_are_no_secrets(lines: Lines) -> None:
    get_logger("a").info("usage", token=12, tokens=30)
    assert lines()[0]["clawdbot"] == {"token": 12, "tokens": 30}


def test_an_error_is_told_without_the_row(lines: Lines) -> None:
    words = "my salary"
    try:
        raise RuntimeError(f"duplicate key\nDETAIL:  Key (text)=({words}) already exists.")
    except RuntimeError:
        get_logger("a").exception("failed")
    (line,) = lines()
    assert line["error"]["type"] == "builtins.RuntimeError"
    assert "duplicate key" in line["error"]["stack_trace"]
    assert "salary" not in json.dumps(line)


def test_an_error_is_told_without_what_it_quotes(lines: Lines) -> None:
    quoted = "手机 13912345678，身份证 11010519491231002X，密码是Zebra#2719"
    try:
        raise ValueError(f"10.0.0.7 refused {quoted}")
    except ValueError as error:
        get_logger("a").exception("failed")
        logging.getLogger("celery").exception("raised unexpected: %r", error)
    for line in lines():
        assert not [one for one in ("13912345678", "4912310", "Zebra") if one in json.dumps(line)]
        assert "ValueError: 10.0.0.7 refused" in line["error"]["stack_trace"]
        assert "test_logging.py" in line["error"]["stack_trace"]


def test_a_line_stays_one_line(lines: Lines) -> None:
    get_logger("a").info("a\r\nb\u2028c", field="x\ny\ud800")
    (line,) = lines()
    assert line["message"] == "a\r\nb\u2028c"


def test_strange_fields_do_not_stop_the_work(lines: Lines) -> None:
    class Broken:
        def __str__(self) -> str:
            raise OSError("no")

    loop: dict[str, Any] = {}
    loop["loop"] = loop
    get_logger("a").info("one", thing=Broken())
    get_logger("a").info("two", loop=loop, event_dict={"a.b": 1, "a": 2}, many=list(range(1000)))
    logging.getLogger("b").info("three", extra={"request": object()})
    one, two, three = lines()
    assert "could not be written" in one["message"]
    assert two["message"] == "two"
    assert len(two["clawdbot"]["many"]) < 100
    assert "request" not in json.dumps(three)


def test_wrong_arguments_do_not_raise() -> None:
    record = logging.makeLogRecord({"name": "b", "msg": "%d items", "args": ("many",)})
    line = json.loads(core_logging.EcsFormatter().format(record))
    assert "could not be written" in line["message"]
