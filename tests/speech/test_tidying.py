"""From a transcriber's words to what somebody would have typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.speech import tidying


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("明天下午二十分鐘後開會。", "明天下午20分钟后开会"),
        ("我 明天 请假 一天", "我明天请假一天"),
        ("任务一零四二", "任务1042"),
        ("一千零四十二", "1042"),
        ("五万套", "50000套"),
        ("三亿两千万", "320000000"),
        ("一百零五", "105"),
        ("下午2.10分左右", "下午2点10分左右"),
        ("版本 2.10 很好", "版本 2.10 很好"),
        ("两千三", "两千三"),
        ("一万三", "一万三"),
        ("万一千万不要七八个十分好", "万一千万不要七八个十分好"),
        ("Slash, ping.", "/ping"),
        ("斜杠 ping。", "/ping"),
        ("forward slash remind call Bob in 20 minutes.", "/remind call Bob in 20 minutes"),
        ("Slashing costs", "Slashing costs"),
        ("What is the status?", "What is the status"),
        ("哈哈哈哈", "哈哈哈哈"),
        ("谢谢观看", ""),
        ("Thank you for watching!", ""),
        ("字幕由Amara.org社区提供", ""),
        ("(music)", ""),
        ("。", ""),
        ("pi\u202eng\x00", "ping"),
    ],
)
def test_tidy(raw: str, text: str) -> None:
    assert tidying.tidy(raw) == (text, True)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("我爱你我爱你我爱你我爱你我爱你", "我爱你"),
        ("remind me, remind me, remind me, remind me, remind me,", "remind me"),
        ("好" * 50, "好"),
        ("开会。" + "谢谢大家" * 30, "开会。谢谢大家"),
    ],
)
def test_loops_are_cut_and_told(raw: str, text: str) -> None:
    assert tidying.tidy(raw) == (text, False)


@given(st.text(max_size=300))
def test_any_words_can_be_tidied(raw: str) -> None:
    text, _ = tidying.tidy(raw)
    assert text == text.strip()
    assert "\x00" not in text
