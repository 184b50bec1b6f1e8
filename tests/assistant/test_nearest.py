"""What was perhaps meant: near names are found, far ones are not."""

from __future__ import annotations

import pytest

from apps.assistant.nearest import nearest, similarity
from apps.skills.base import registry


def names(text: str) -> list[str]:
    """The names of what is near, best first."""
    return [one.name for one in nearest(text, registry().values())]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pign", "ping"),
        ("pnig", "ping"),
        ("hlep", "help"),
        ("hepl", "help"),
        ("statsu", "status"),
        ("shedule", "schedule"),
        ("remnid", "remind"),
        ("帮组", "help"),
        ("取肖", "cancel"),
        ("提醒器", "remind"),
        ("看看服务器怎么样了", "host"),
        ("这台机器内存够不够", "host"),
        ("please show me the status", "status"),
        ("can you help with this", "help"),
        ("清理一下数据库", "cleanup"),
    ],
)
def test_the_right_one_comes_first(text: str, name: str) -> None:
    assert names(text)[0] == name


@pytest.mark.parametrize(
    "text",
    [
        "写一首关于春天的诗", "今天天气怎么样", "你好", "谢谢", "一点问题都没有", "",
        "what is the capital of France", "paint this house", "see http://a.b/help/ping",
        "usr/bin/python", "。。。", "1234567890",
    ],
)  # fmt: skip
def test_nothing_is_near(text: str) -> None:
    assert names(text) == []


def test_three_are_the_most() -> None:
    assert len(names("帮助 状态 任务 取消 提醒 定时")) == 3


def test_only_what_is_given_is_offered() -> None:
    few = [one for one in registry().values() if one.name != "ping"]
    assert all(one.name != "ping" for one in nearest("pign", few))


def test_similarity() -> None:
    assert similarity("ping", "ping") == 1
    assert similarity("ping", "pign") > similarity("ping", "pxyz")
    assert similarity("a", "abcdefgh") == 0
