"""Skills as tools: which of them, and one call of one, through the inbox like everything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from apps.accounts.authz import Rights
from apps.accounts.models import Person
from apps.api import answers
from apps.api.mcp.protocol import INVALID_PARAMS, Fault, Message
from apps.assistant import calls
from apps.assistant.words import language_of
from apps.core.i18n import Text, both
from apps.skills.base import Skill, get, registry
from apps.skills.parameters import Invalid, Missing, check

#: A decision is a person's own act: a program that could take it would confirm its own calls.
BY_HAND = frozenset({"approve", "deny"})
#: What speaks about the chat it is typed in means nothing to a program.
IN_CHATS = frozenset({"lang", "new"})

CONFIRM = both(
    "还没有执行：需要你本人确认。请打开 {url} 查看并确认（任务 {job}）。",
    "Nothing was run yet: you have to confirm it yourself. Open {url} to see and confirm it "
    "(job {job}).",
)
APPROVE = both(
    "还没有执行：需要另一位有权限 {permission} 的人批准（任务 {job}）。",
    "Nothing was run yet: one other person with {permission} has to approve it (job {job}).",
)
WORKING = both(
    "还没有结果。任务 {job} 还在进行，用 task 工具查询。",
    "There is no result yet. Job {job} is under way; look it up with the tool task.",
)
WAITING = both(
    "还没有结果：消息 {message} 在排队。", "There is no result yet: message {message} is waiting."
)
TOO_FAST = both("太快了，没有执行。请稍等一分钟。", "That was too fast and not run. Wait a minute.")
SILENT = both("没有执行（{state}）。", "It was not run ({state}).")
NOT_GIVEN = both("缺少 {name}", "{name} is missing")
ASKS_FIRST = both("运行前要在网页聊天里确认。", "You confirm it in the web chat before it runs.")


def offered(skill: Skill) -> bool:
    """Is it something for a program at all?"""
    if skill.hidden or not skill.plannable or skill.name in BY_HAND | IN_CHATS:
        return False
    return not any(one.kind == "file" and one.required for one in skill.parameters)


def listed(rights: Rights, language: str) -> list[Message]:
    """The tools of a person with these rights."""
    allowed = (one for one in registry().values() if rights.allows(one.permission))
    return [_tool(one, language) for one in allowed if offered(one)]


def call(person: Person, params: Message, seconds: float) -> Message:
    """Ask for a skill and wait so long for its answer.

    Raises `Fault` for a tool that there is not; whatever else goes wrong is the result's text.
    """
    name, given = params.get("name"), params.get("arguments", {})
    skill = get(name) if isinstance(name, str) else None
    if skill is None or not offered(skill):
        raise Fault(INVALID_PARAMS, f"Unknown tool: {str(name)[:80]}")
    if not isinstance(given, dict):
        raise Fault(INVALID_PARAMS, "arguments must be an object")
    language = language_of(person)
    problem = _problem(skill, given)
    if problem is not None:
        return _result(problem.in_(language), failed=True)
    message = calls.ask(person, skill, given)
    return _told(answers.wait(message, seconds), skill, language)


def _problem(skill: Skill, given: Mapping[str, Any]) -> Text | None:
    """What is wrong with the arguments, by the names that the schema gives them."""
    found = check(skill.parameters, given, attended=False)
    if isinstance(found, Missing):
        return NOT_GIVEN.format(name=found.parameter.name)
    if not isinstance(found, Invalid):
        return None
    name = f"{found.parameter.name}: " if found.parameter else ""
    return Text(name + found.why.zh, name + found.why.en)


def _tool(skill: Skill, language: str) -> Message:
    said = skill.summary.in_(language)
    if skill.confirm or skill.approve:
        said = f"{said} {ASKS_FIRST.in_(language)}"
    schema = skill.schema
    for one in skill.parameters:
        if one.kind == "file":
            schema["properties"].pop(one.name)
    return {
        "name": skill.name,
        "title": skill.label.in_(language),
        "description": said,
        "inputSchema": schema,
        "annotations": {"readOnlyHint": not skill.writes, "openWorldHint": skill.outside},
    }


def _told(found: Mapping[str, Any], skill: Skill, language: str) -> Message:
    job, state = found["job"], found["job_state"]
    if found["answer"]:
        failed = found["state"] == "refused" or state in {"failed", "denied", "expired", "dead"}
        return _result(found["answer"]["text"], failed=failed, job=job, state=state)
    if state == "asking":
        text = (APPROVE if skill.approve else CONFIRM).format(
            permission=skill.approval_permission,
            job=job,
            url=f"{settings.CLAWDBOT_PUBLIC_URL}/chat/",
        )
        return _result(text.in_(language), job=job, state=state)
    if found["state"] in answers.SILENT_ENDS:
        text = TOO_FAST if found["state"] == "limited" else SILENT.format(state=found["state"])
        return _result(text.in_(language), failed=True)
    text = WORKING.format(job=job) if job else WAITING.format(message=found["message_id"])
    return _result(text.in_(language), job=job, state=state)


def _result(
    text: str, *, failed: bool = False, job: str | None = None, state: str | None = None
) -> Message:
    result: Message = {"content": [{"type": "text", "text": text}], "isError": failed}
    if job:
        result["_meta"] = {"clawdbot/job": job, "clawdbot/state": state}
    return result
