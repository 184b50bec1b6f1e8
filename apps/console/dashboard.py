"""The first page of the console: how it goes right now, every figure a link to what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Count

from apps.assistant.actions import waiting
from apps.assistant.models import Approval, Job, Message
from apps.console.vitals import BEAT_SILENT_S, WORKER_SILENT_S
from apps.core import leases
from apps.core.i18n import Text, both
from apps.im.models import Delivery
from apps.llm.models import ModelCall

DAY = timedelta(days=1)
#: Rows that wait in one lane before the figure turns red.
CROWDED = 100

#: What came of a model call that is nobody's fault.
UNREMARKABLE = ("ok", "open", "cancelled", "forbidden")

Tone = Literal["", "good", "bad"]


@dataclass(frozen=True)
class Tile:
    """One figure: what it is, its value, where its rows are."""

    label: Text
    value: str
    link: str
    tone: Tone = ""


def tiles(now: datetime) -> list[Tile]:
    """Return the figures. Nine small queries."""
    return [*_alive(), *_work(now), *_models(now), *_trouble(now)]


def _alive() -> list[Tile]:
    workers = len(leases.alive("worker", WORKER_SILENT_S))
    beats = len(leases.alive("beat", BEAT_SILENT_S))
    return [
        Tile(both("在线的工作进程", "Workers alive"), str(workers), "/flower/", _must(workers)),
        Tile(
            both("在线的定时器", "Beats alive"),
            str(beats),
            "/admin/schedules/schedule/",
            _must(beats),
        ),
    ]


def _work(now: datetime) -> list[Tile]:
    due = waiting()
    worst = max(due.values(), default=0)
    lanes = ", ".join(f"{lane} {count}" for lane, count in sorted(due.items())) or "—"
    finished = Job.objects.filter(finished_at__gte=now - DAY)
    ended = dict(finished.values_list("state").annotate(n=Count("pk")))
    good, bad = ended.get("succeeded", 0), ended.get("failed", 0) + ended.get("dead", 0)
    share = f"{100 * good / (good + bad):.0f} %" if good + bad else "—"
    running = Job.objects.filter(state="running").count()
    jobs = "/admin/assistant/job/"
    return [
        Tile(
            both("到期等待（{lanes}）", "Due and waiting ({lanes})").format(lanes=lanes),
            str(sum(due.values())),
            f"{jobs}?state__exact=waiting",
            "bad" if worst > CROWDED else "",
        ),
        Tile(both("正在运行", "Running now"), str(running), f"{jobs}?state__exact=running"),
        Tile(
            both("24 小时成功率（{n} 个）", "Succeeded in 24 h, of {n}").format(n=good + bad),
            share,
            jobs,
            "bad" if bad > good else "good" if good else "",
        ),
    ]


def _models(now: datetime) -> list[Tile]:
    """Nothing to show before there is a model."""
    rows = ModelCall.objects.filter(created_at__gte=now - DAY)
    ended = dict(rows.values_list("outcome").annotate(n=Count("pk")))
    bad = sum(count for outcome, count in ended.items() if outcome not in UNREMARKABLE)
    if not ended:
        return []
    return [
        Tile(
            both("24 小时内模型调用（{n} 次未成）", "Model calls in 24 h, {n} in vain").format(
                n=bad
            ),
            str(sum(ended.values())),
            "/admin/llm/modelcall/",
            "bad" if bad > ended.get("ok", 0) else "",
        )
    ]


def _trouble(now: datetime) -> list[Tile]:
    open_questions = Approval.objects.filter(state="waiting").count()
    dead = Message.objects.filter(created_at__gte=now - DAY, state="dead").count()
    refused = Message.objects.filter(created_at__gte=now - DAY, state="refused").count()
    unsent = Delivery.objects.filter(created_at__gte=now - DAY, state="failed").count()
    messages, deliveries = "/admin/assistant/message/", "/admin/im/delivery/"
    return [
        Tile(
            both("等待审批", "Waiting for approval"),
            str(open_questions),
            "/admin/assistant/approval/?state__exact=waiting",
        ),
        Tile(
            both("24 小时内处理失败", "Given up in 24 h"),
            str(dead),
            f"{messages}?state__exact=dead",
            "bad" if dead else "",
        ),
        Tile(
            both("24 小时内投递失败", "Not delivered in 24 h"),
            str(unsent),
            f"{deliveries}?state__exact=failed",
            "bad" if unsent else "",
        ),
        Tile(
            both("24 小时内被拒绝", "Refused in 24 h"),
            str(refused),
            f"{messages}?state__exact=refused",
        ),
    ]


def _must(count: int) -> Tone:
    return "good" if count else "bad"
