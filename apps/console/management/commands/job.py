"""`manage.py job …`: look at jobs, cancel and run them again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from apps.assistant import actions, plan_steps
from apps.assistant.models import Job
from apps.console.cli import ConsoleCommand, Options, Refused, table
from apps.core.i18n import both
from apps.skills.wording import short

SHOWN = 50


class Command(ConsoleCommand):
    """Jobs of everybody: whoever runs this is the installation."""

    help = "Look at jobs, cancel and retry them. 查看、取消和重试任务。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        listing = self.verb(verbs, "list", self._list, both("列出任务", "list jobs"), as_json=True)
        listing.add_argument("--state", choices=[name for name, _ in Job.STATES])
        listing.add_argument("--person", metavar="NAME")
        listing.add_argument("--limit", type=int, default=SHOWN)
        show = self.verb(verbs, "show", self._show, both("显示一个任务", "show one"), as_json=True)
        cancel = self.verb(verbs, "cancel", self._cancel, both("取消任务", "cancel a job"))
        retry = self.verb(verbs, "retry", self._retry, both("重试任务", "run a job again"))
        for one in (show, cancel, retry):
            one.add_argument("number", metavar="NUMBER")

    def _list(self, options: Options) -> None:
        rows = Job.objects.select_related("person").order_by("-pk")
        if options["state"]:
            rows = rows.filter(state=options["state"])
        if options["person"]:
            rows = rows.filter(person__name=options["person"])
        found = [_shown(job) for job in rows[: options["limit"]]]
        keys = ("number", "skill", "state", "person", "created_at")
        heads = [tuple(key.upper() for key in keys)]
        self.show(options, found, table(heads + [tuple(j[k] for k in keys) for j in found]))

    def _show(self, options: Options) -> None:
        job = _job(options["number"])
        found = {**_shown(job), "steps": plan_steps.shown(job)}
        steps = [_line(one) for one in found["steps"]]
        facts = [(key, value) for key, value in found.items() if key != "steps"]
        self.show(options, found, table([*facts, *steps]))

    def _cancel(self, options: Options) -> None:
        job = actions.cancel_job(_job(options["number"]), None)
        self.say(both(f"已取消 {job.number}", f"{job.number} is cancelled"))

    def _retry(self, options: Options) -> None:
        job = actions.retry_job(_job(options["number"]), None)
        self.say(both(f"已重新提交：{job.number}", f"submitted again as {job.number}"))


def _job(number: str) -> Job:
    rows = Job.objects.select_related("person", "conversation__bot", "message")
    job = rows.filter(number=number.strip().upper()).first()
    if job is None:
        raise Refused(both(f"没有任务 {number}", f"there is no job {number}; see: job list"))
    return job


def _line(step: dict[str, Any]) -> tuple[str, str]:
    said = f"{step['state']}  /{step['skill']}  {short(step['text'])}"
    return f"step {step['number']}", said.strip()


def _shown(job: Job) -> dict[str, Any]:
    return {
        "number": job.number,
        "skill": job.skill,
        "state": job.state,
        "lane": job.lane,
        "person": job.person.name,
        "parameters": job.parameters,
        "attempts": job.attempts,
        "created_at": job.created_at.isoformat(timespec="seconds"),
        "not_before": job.not_before.isoformat(timespec="seconds"),
        "started_at": job.started_at.isoformat(timespec="seconds") if job.started_at else None,
        "finished_at": job.finished_at.isoformat(timespec="seconds") if job.finished_at else None,
        "result": (job.result or {}).get("text"),
        "error": job.last_error,
        "trace_id": job.trace_id,
    }
