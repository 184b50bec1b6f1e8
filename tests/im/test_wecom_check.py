"""What `bot check` finds wrong with an app in WeCom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.core.http import Door
from apps.im.base import Check, SendContext, get_platform
from apps.im.tokens import TokenCache
from apps.simulate.server import Answer
from apps.simulate.wecom import WeComStand

WECOM = get_platform("wecom")


@pytest.fixture
def stand() -> Iterator[WeComStand]:
    """WeCom's API on loopback."""
    with WeComStand() as made:
        yield made


async def found(stand: WeComStand, **config: Any) -> list[Check]:
    ctx = SendContext(stand.config(**config), 1, Door(), TokenCache())
    return await WECOM.check(ctx)


def wrong(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.text.en for check in checks if not check.ok}


async def test_a_sound_bot(stand: WeComStand) -> None:
    checks = await found(stand)
    assert wrong(checks) == {}
    assert {check.name for check in checks} == {
        *("token", "encoding_aes_key", "secret", "trusted_ip", "agent_id", "visible_range"),
    }


@pytest.mark.parametrize(
    ("config", "name", "says"),
    [
        ({"secret": ""}, "secret", "missing"),
        ({"corp_id": ""}, "corp_id", "missing"),
        ({"agent_id": ""}, "agent_id", "missing"),
        ({"agent_id": "app"}, "agent_id", "number"),
        ({"secret": "other"}, "secret", "40001"),
        ({"corp_id": "ww2"}, "corp_id", "40013"),
        ({"agent_id": "7"}, "agent_id", "no app 7"),
        ({"token": ""}, "token", "missing"),
        ({"encoding_aes_key": "short"}, "encoding_aes_key", "43"),
        ({"encoding_aes_key": "!" * 43}, "encoding_aes_key", "43"),
        ({"api_base": "http://127.0.0.1:9"}, "secret", "no access token"),
    ],
)
async def test_each_fault_has_its_name(
    stand: WeComStand, config: dict[str, str], name: str, says: str
) -> None:
    problems = wrong(await found(stand, **config))
    assert set(problems) == {name}
    assert says in problems[name]


async def test_an_untrusted_address(stand: WeComStand) -> None:
    stand.trusted = False
    problems = wrong(await found(stand))
    assert set(problems) == {"trusted_ip"}
    assert "203.0.113.7" in problems["trusted_ip"]


async def test_an_untrusted_address_that_is_not_named(stand: WeComStand) -> None:
    stand.fail("/gettoken", "answer", Answer(200, {"errcode": 60020, "errmsg": "no"}))
    assert "unknown address" in wrong(await found(stand))["trusted_ip"]


async def test_an_app_that_nobody_sees(stand: WeComStand) -> None:
    stand.range.clear()
    assert set(wrong(await found(stand))) == {"visible_range"}


async def test_an_app_that_is_disabled(stand: WeComStand) -> None:
    stand.closed = True
    assert set(wrong(await found(stand))) == {"app"}


@pytest.mark.parametrize(
    ("config", "count"), [({}, 0), ({"token": ""}, 1), ({"token": "", "encoding_aes_key": "x"}, 2)]
)
def test_what_cannot_be_verified_cannot_be_enabled(config: dict[str, str], count: int) -> None:
    assert len(WECOM.can_enable(WeComStand().config(**config))) == count
