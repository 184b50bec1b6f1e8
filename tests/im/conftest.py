"""Stands of the outside for the tests of the platforms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.simulate.dingtalk import DingTalkStand
from apps.simulate.feishu import FeishuStand
from apps.simulate.slack import SlackStand
from apps.simulate.webhook import WebhookStand
from apps.simulate.wecom_aibot import WecomAibotStand


@pytest.fixture
def feishu_stand() -> Iterator[FeishuStand]:
    """Feishu's API on loopback."""
    with FeishuStand() as stand:
        yield stand


@pytest.fixture
def webhook_stand() -> Iterator[WebhookStand]:
    """A company's own system on loopback."""
    with WebhookStand() as stand:
        yield stand


@pytest.fixture
def dingtalk_stand() -> Iterator[DingTalkStand]:
    """DingTalk's APIs on loopback."""
    with DingTalkStand() as stand:
        yield stand


@pytest.fixture
def slack_stand() -> Iterator[SlackStand]:
    """Slack's API on loopback."""
    with SlackStand() as stand:
        yield stand


@pytest.fixture
def aibot_stand() -> Iterator[WecomAibotStand]:
    """WeCom as an AI bot meets it, on loopback; whatever it complained about fails the test."""
    with WecomAibotStand() as stand:
        stand.poll_s = 0.0
        yield stand
        assert stand.complaints == []
