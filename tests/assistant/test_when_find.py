"""Time phrases inside sentences: which one, what is left, and when it is better to ask."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from apps.assistant.when import At, Every, find

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

FOUND = [
    ("20分钟后提醒我交周报", "2026-11-22 10:20", "20分钟后", "提醒我交周报"),
    ("提醒我明天下午三点开会", "2026-11-23 15:00", "明天下午三点", "提醒我开会"),
    ("每周一上午9点 /host", "0 9 * * 1", "每周一上午9点", "/host"),
    ("明天下午三点，提醒我开会", "2026-11-23 15:00", "明天下午三点", "提醒我开会"),
    ("提醒我开会，明天下午三点", "2026-11-23 15:00", "明天下午三点", "提醒我开会"),
    ("在明天下午三点提醒我", "2026-11-23 15:00", "在明天下午三点", "提醒我"),
    ("请在每个工作日上午九点发日报", "0 9 * * 1-5", "在每个工作日上午九点", "请发日报"),
    ("提醒我 明天 下午 3：30 开会", "2026-11-23 15:30", "明天 下午 3：30", "提醒我 开会"),
    ("１５：３０ 提醒我开会", "2026-11-22 15:30", "１５：３０", "提醒我开会"),
    ("八点提醒我开会", "2026-11-23 08:00", "八点", "提醒我开会"),
    ("提醒我八点开会", "2026-11-23 08:00", "八点", "提醒我开会"),
    ("升级版本 3.10，今晚8点", "2026-11-22 20:00", "今晚8点", "升级版本 3.10"),
    ("9点 /ping", "2026-11-23 09:00", "9点", "/ping"),
    ("中午提醒我吃药", "2026-11-22 12:00", "中午", "提醒我吃药"),
    ("每小时提醒我喝水", "0 * * * *", "每小时", "提醒我喝水"),
    ("提醒我每隔半小时喝水", "*/30 * * * *", "每隔半小时", "提醒我喝水"),
    ("每天9点和18点提醒我打卡", "0 9,18 * * *", "每天9点和18点", "提醒我打卡"),
    ("工作日早上8点45 /standup", "45 8 * * 1-5", "工作日早上8点45", "/standup"),
    ("周三下午两点半和张三开会", "2026-11-25 14:30", "周三下午两点半", "和张三开会"),
    ("明天9点到公司开会", "2026-11-23 09:00", "明天9点", "到公司开会"),
    ("明天8点三号会议室开会", "2026-11-23 08:00", "明天8点", "三号会议室开会"),
    ("明天上午9点重启3号服务器", "2026-11-23 09:00", "明天上午9点", "重启3号服务器"),
    ("明天下午三点给张三点个赞", "2026-11-23 15:00", "明天下午三点", "给张三点个赞"),
    ("下午三点提醒我看12月报表", "2026-11-22 15:00", "下午三点", "提醒我看12月报表"),
    ("下午三点开下周计划会", "2026-11-22 15:00", "下午三点", "开下周计划会"),
    ("每个人明天下午三点到会议室", "2026-11-23 15:00", "明天下午三点", "每个人到会议室"),
    ("两小时后续费", "2026-11-22 12:00", "两小时后", "续费"),
    ("10分钟后面试", "2026-11-22 10:10", "10分钟后", "面试"),
    ("2小时后备份数据库", "2026-11-22 12:00", "2小时后", "备份数据库"),
    ("三天后天气预报", "2026-11-25 10:00", "三天后", "天气预报"),
    ("3天后上午10点提醒我看天气", "2026-11-25 10:00", "3天后上午10点", "提醒我看天气"),
    ("本周日报明天下午三点交", "2026-11-23 15:00", "明天下午三点", "本周日报交"),
    ("明天9点起床", "2026-11-23 09:00", "明天9点", "起床"),
    ("明天9点前往机场", "2026-11-23 09:00", "明天9点", "前往机场"),
    ("提醒我12月25号晚上8点\n去接机", "2026-12-25 20:00", "12月25号晚上8点", "提醒我\n去接机"),
    ("remind me to call Bob tomorrow at 3pm", "2026-11-23 15:00", "tomorrow at 3pm",
     "remind me to call Bob"),
    ("every weekday at 9 /ping", "0 9 * * 1-5", "every weekday at 9", "/ping"),
    ("remind me tomorrow at 3pm to call Bob", "2026-11-23 15:00", "tomorrow at 3pm",
     "remind me to call Bob"),
    ("Tomorrow at 3 p.m. remind me", "2026-11-23 15:00", "Tomorrow at 3 p.m.", "remind me"),
    ("remind me at 9 to call", "2026-11-23 09:00", "at 9", "remind me to call"),
    ("call Bob at 15:30", "2026-11-22 15:30", "at 15:30", "call Bob"),
    ("call Bob 3pm", "2026-11-22 15:00", "3pm", "call Bob"),
    ("call Bob Sat at 9am", "2026-11-28 09:00", "Sat at 9am", "call Bob"),
    ("remind me sat at 9am", "2026-11-28 09:00", "sat at 9am", "remind me"),
    ("in 5 minutes remind me to call", "2026-11-22 10:05", "in 5 minutes", "remind me to call"),
    ("two hours later, remind me", "2026-11-22 12:00", "two hours later", "remind me"),
    ("remind me every hour to drink", "0 * * * *", "every hour", "remind me to drink"),
    ("every Monday at 9am and 6pm, remind us", "0 9,18 * * 1", "every Monday at 9am and 6pm",
     "remind us"),
    ("tomorrow at 9am and bring coffee", "2026-11-23 09:00", "tomorrow at 9am",
     "and bring coffee"),
    ("remind me to send the weekly report tomorrow at 3pm", "2026-11-23 15:00",
     "tomorrow at 3pm", "remind me to send the weekly report"),
    ("tomorrow at 3pm for 30 minutes", "2026-11-23 15:00", "tomorrow at 3pm", "for 30 minutes"),
    ("remind me tomorrow at 9am about the bug from two days ago", "2026-11-23 09:00",
     "tomorrow at 9am", "remind me about the bug from two days ago"),
    ("May I be reminded tomorrow at 9am?", "2026-11-23 09:00", "tomorrow at 9am",
     "May I be reminded?"),
]  # fmt: skip

ASK = """
明天9点提醒我下午3点开会
明天下午三点提醒我，后天下午三点再提醒我
明天提醒我下午3点开会
明天开会，下午三点
5号提醒我下午3点开会
每天提醒我喝水，上午10点
每周提醒我周五下午4点交周报
隔天提醒我上午9点吃药
明天9点到11点开会
明天、后天上午9点开会
提前10分钟提醒我明天下午三点的会
明天下午三点开会，10分钟前提醒我
明天下午三点前提交周报
周五下午4点30分钟会议
明天8点二十个人开会
下午3点30人开会
昨天下午三点的会议纪要
今天早上8点的日志发我
明天三点提醒我
星期八上午9点提醒我
每周二和周四下午3点，周五下午4点开会
tomorrow remind me at 3pm to call Bob
every Monday remind me to report at 9am
every other day remind me at 9am
tomorrow at 9am or Friday at 3pm
tomorrow 3pm-4pm meeting
finish it by tomorrow at 3pm
10 minutes before the meeting tomorrow at 3pm
2026-11-23 15:00:12 ERROR disk full
""".strip().splitlines()


@pytest.mark.parametrize(("text", "meaning", "phrase", "rest"), FOUND)
def test_found(text: str, meaning: str, phrase: str, rest: str) -> None:
    found = find(text, NOW)
    assert found is not None
    match found.when:
        case At(time):
            assert time.strftime("%Y-%m-%d %H:%M") == meaning
        case Every(cron):
            assert cron == meaning
    assert text[found.start : found.end] == phrase
    assert found.rest == rest


@pytest.mark.parametrize("text", ASK)
def test_unclear_sentences_are_left_alone(text: str) -> None:
    assert find(text, NOW) is None


def test_a_long_document_is_no_request() -> None:
    assert find("明天下午三点提醒我" + "好" * 900, NOW) is not None
    assert find("明天下午三点提醒我" + "好" * 1000, NOW) is None
