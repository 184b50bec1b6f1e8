"""Texts that are no clear time phrase: no answer, and never a guess."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from apps.assistant.when import find, parse

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

NO_TIME = """
三点建议
两点说明
八点建议
我有九点意见
给张八点个赞
任务12 点赞
一点也不难
下午一点问题都没有
两点之间直线最短
九点九折
十点钟方向
五号电池
三号楼
去五号会议室
三月不知肉味
周报
周报发我
周杰伦
周一到了
星期天气
星期天气怎么样
每周例会纪要
每天都很忙
每次都这样
每个人
每小时工资多少
十分重要
三分钟热度
一分为二
百分之二十
两个人
二十个人
一百二十块
价格是9.30元
￥12.50
电话13812345678
身份证110101199003071234
版本 2.9点上线
v1.9点了
升级到3.10版本
版本3.10
第三天
第20分钟
3号线换乘
北京路15号楼3单元
重启2号机
比分是12:10
10.30.15.20
端口8080
今天天气不错
说明天气情况
早上好
晚上好
中午吃什么
下午茶
半夜三更
三点水
元旦快乐
会议室A12
every time
every one of them
everything
at once
at last
at 9 of the desks
at 12 Main Street
take a look at 9 files
in general
in time
in 5
on time
second
second attempt
the second one
march on
marching at dawn
sat down
the sun is up
we sat at 9am
may 5 people come
May I ask
monthly report
weekly report
daily standup
hourly rate
hourly wage is 20
good morning
see you tomorrow
midnight snack
Monday blues
page 3
version 3.5
v2.30
room 301
server 9
24/7
9 to 5
16:9
3:2
50%
for 20 minutes
2nd place
3pm-ish
ratio 10:30:20
3 PM resumes needed
day one
first things first
call 10086
192.168.10.30
build 2026
""".strip().splitlines()

VAGUE = """
明天
下周
周一
今晚
明天下午
下周三
12月1日
三天后早上
每天
每周一
每月1号
每天早上
每天两次
每月9点
每周9点
每年9点
每季度9点
三点
六点
明天六点半
every day at 6
从9点
每天从9点
from 9am tomorrow
明天后天上午9点
周一周二上午9点和周三上午9点
明天三点
明天3:30
每天三点
晚上1点
明天午夜
周末上午10点
周一每小时
周一二十点
每周五晚上12点
每天9:00和18:30
每天上午9点和3点
明天9点和10点
明天9点到11点
每天9点到18点
下午三点左右
下午三点前
下午三点多
明天九点之前
几分钟后
半个月后
一会儿
现在
马上
以后
年底上午9点
月初上午9点
每月初9点
3/4 at 9am
10-11 12:30
11/10 at 9am
tomorrow
tomorrow morning
next week
next Monday
every day
every Monday
weekly at 9am
tomorrow at 3
at three
tomorrow at 3:30
tonight at 1
on the weekend at 11am
every day at 9 and 11pm
every day at 9:00 and 18:30
tomorrow at 9am or 10am
tomorrow from 9am to 11am
by tomorrow at 3pm
around 3pm
before 9am tomorrow
in a couple of hours
in a few minutes
in a second
twice a day
soon
later
now
someday at 9am
Monday or Tuesday at 9am
this Sunday at 9am
next year at 9am
""".strip().splitlines()

IMPOSSIBLE = """
2月30日上午9点
11月31日上午9点
2027年2月29日上午9点
2026-13-01 09:00
明天25:00
明天25点
8点70分
24:30
上午15点
早上20点
今晚凌晨1点
星期八上午9点
2026-11-23 15:00（周二）
11月27日（周四）下午3点
每月32号9点
每月5号到32号9点
每月5号到1号9点
每年2月30日9点
每年2月和3月30号9点
三点五分十秒
Feb 30 at 9am
tomorrow at 25:00
9:75
13pm
0am
15:00 pm
3pm in the morning
Thursday November 27 at 3pm
the 32nd of every month at 9am
every year on Feb 30 at 9am
the 2st at 9am
十十分钟后
二百五分钟后
""".strip().splitlines()

PAST = """
昨天下午三点
前天上午9点
今天早上8点
今早9点
本周五下午3点
上周三下午3点
上个月5号上午9点
去年12月1日上午9点
2020年1月1日上午9点
2026-11-22 09:59
2026-11-22 10:00
11月20日上午9点
20分钟前
三天前上午10点
0分钟后
yesterday at 3pm
this morning at 9
last Friday at 3pm
today at 9am
2026-11-21 15:00
Nov 20 at 9am
20 minutes ago
20 minutes before
an hour earlier
10 minutes early
提前10分钟
in 0 minutes
""".strip().splitlines()

NO_CRONTAB = """
每七分钟
每7分钟
每45分钟
每90分钟
每5小时
每24小时
每30秒
每秒
每一个半小时
每两天9点
每隔一天9点
每三天上午9点
每两周周一9点
隔周周一上午9点
每月第一个周一9点
每月最后一个工作日9点
每月倒数第二天9点
每天9点到18点每半小时
每天9点到17:30每小时
每天18点到9点每小时
一个半月后
三个工作日后上午9点
农历八月十五晚上8点
春节上午9点
every 7 minutes
every 45 minutes
every 90 minutes
every 5 hours
every 24 hours
every 0 minutes
every 30 seconds
every hour and a half
every 1.5 hours
every other day at 9am
every other Monday at 9am
every second Friday at 3pm
every 2 weeks on Monday at 9am
every 3 days at 9am
biweekly on Monday at 9am
the first Monday of every month at 9am
the last Friday of each month at 5pm
every 30 minutes from 9am to 5pm
in 3 business days at 9am
a week from Friday at 3pm
Friday the 13th at 9am every month
""".strip().splitlines()


@pytest.mark.parametrize("text", [*NO_TIME, *VAGUE, *IMPOSSIBLE, *PAST, *NO_CRONTAB])
def test_parse_does_not_guess(text: str) -> None:
    assert parse(text, NOW) is None


@pytest.mark.parametrize("text", NO_TIME)
def test_find_is_not_fooled(text: str) -> None:
    assert find(text, NOW) is None


@pytest.mark.parametrize("text", [*VAGUE, *IMPOSSIBLE, *PAST, *NO_CRONTAB])
@pytest.mark.parametrize("sentence", ["提醒我{}交周报", "{}提醒我开会", "remind me {} to call Bob"])
def test_find_does_not_take_a_part_for_the_whole(text: str, sentence: str) -> None:
    assert find(sentence.format(text), NOW) is None


@pytest.mark.parametrize(
    "text", ["", " ", "。", "(", "的", "九", "9", "at", "每", "every", "点", "半"]
)
def test_scraps(text: str) -> None:
    assert parse(text, NOW) is None
    assert find(text, NOW) is None
