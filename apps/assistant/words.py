"""What the assistant itself says, in both languages."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.accounts.models import Person
from apps.core.i18n import Text, both
from apps.im import cards
from apps.im.cards import Button, Card, Fields
from apps.skills import base as skills

if TYPE_CHECKING:
    from apps.assistant.models import Approval

STATES = {
    "waiting": both("等待中", "waiting"),
    "asking": both("等你回答", "asking"),
    "running": both("运行中", "running"),
    "succeeded": both("已完成", "done"),
    "failed": both("失败", "failed"),
    "cancelled": both("已取消", "cancelled"),
    "denied": both("被拒绝", "denied"),
    "expired": both("已过期", "expired"),
    "dead": both("多次失败，已停止", "given up"),
}
DECISIONS = {"approved": both("已批准", "approved"), "withdrawn": both("已放弃", "withdrawn")}
NOBODY_DECIDED = both("无人决定", "nobody decided")
LIMITED = both(
    "你发得太快了，这条没有执行。请稍等一分钟再试。",
    "That was too fast: this one was not run. Please wait a minute and try again.",
)
HELD = both(
    "注意：{names} 来自别人写的内容（文件、网页、引用等），请仔细核对。",
    "Mind: {names} comes from what others wrote (a file, a page, a quotation). Check it closely.",
)
STRANGER = both(
    "我还不认识你，所以什么都没有执行。\n你的配对码：{code}（10 分钟内有效）\n"
    "请登录 {url} ，在“配对码”里输入它；或者把它发给管理员。",
    "I don't know you yet, so nothing was run.\nYour pairing code: {code} (valid for 10 minutes)\n"
    "Sign in at {url} and enter it under “Pairing code”, or give it to an administrator.",
)
STRANGER_AGAIN = both(
    "我还不认识你，所以什么都没有执行。配对码一小时只发一次：请用上一个，或稍后再写给我。",
    "I don't know you yet, so nothing was run. A pairing code is given once an hour: "
    "use the last one, or write again later.",
)
STRANGER_GROUP = both(
    "我还不认识你。请私下写给我，我会给你一个配对码。",
    "I don't know you yet. Write to me in a private chat and I will give you a pairing code.",
)
DISABLED = both(
    "你的账号已停用，什么都没有执行。请联系管理员。",
    "Your account is disabled; nothing was run. Please ask an administrator.",
)
TEXT_ONLY = both(
    "我现在只看得懂文字。请把要做的事打出来，例如 /help。",
    "I can only read text for now. Please type what you need, for example /help.",
)
EMPTY = both("有什么可以帮你？输入 /help 看看我会做什么。", "How can I help? Try /help.")
UNKNOWN = both("没看懂“{text}”。", "I did not understand “{text}”.")
NEAREST = both("你是不是想要：", "Did you mean:")
NO_OFFERS = both("输入 /help 看看你能用什么。", "Type /help to see what you may use.")
STOPPED_ASKING = both("好的，不问了。", "All right, never mind.")
TIMED_OUT = both(
    "超过了 {seconds} 秒，已停止。", "It took longer than {seconds} s and was stopped."
)
BROKE = both("运行时出错了。", "It failed while running.")
BROKE_MEND = both(
    "可以用 /retry {number} 再试一次；还不行就把编号告诉管理员。",
    "Try /retry {number}; if it fails again, give the number to an administrator.",
)
GAVE_UP = both(
    "试了 {attempts} 次都中断了，已停止。", "It was interrupted {attempts} times and was given up."
)
MESSAGE_DEAD = both(
    "处理这条消息时多次出错，已停止。", "Handling this message failed repeatedly; it was given up."
)
TELL_ADMIN = both("请把编号告诉管理员。", "Please give the number to an administrator.")
WORKING = both("正在运行 {skill} …", "Running {skill} …")
CANCEL = both("取消", "Cancel")
OVER = both("{skill}：{state}", "{skill}: {state}")
CONFIRM_TITLE = both("请确认", "Please confirm")
APPROVE_TITLE = both("需要审批", "Approval needed")
CONFIRM_TEXT = both(
    "要运行 {skill}，先请你本人确认。30 分钟内有效。",
    "{skill} runs only after you confirm it yourself, within 30 minutes.",
)
APPROVE_TEXT = both(
    "{asker} 要运行 {skill}，需要另一位有权限 {permission} 的人批准。30 分钟内有效。",
    "{asker} wants to run {skill}. One other person with {permission} must approve, "
    "within 30 minutes.",
)
WHO_MAY = both("可以批准的人", "Who may approve")
NOBODY = both("现在没有人（请联系管理员）", "nobody yet (ask an administrator)")
PARAMETERS = both("参数", "Parameters")
CODE = both("编号", "Code")
APPROVE = both("批准", "Approve")
CONFIRM = both("确认", "Confirm")
DENY = both("拒绝", "Deny")
WITHDRAW = both("不做了", "Don't")
DENIED_BY = both("{who} 拒绝了，没有运行。", "{who} denied it; it was not run.")
EXPIRED = both(
    "30 分钟内没有人决定，没有运行。", "Nobody decided within 30 minutes; it was not run."
)
NO_LONGER_APPROVED = both(
    "批准已经失效（内容变了，或批准人不再有权限），没有运行。",
    "The approval no longer holds (something changed, or the approver lost the right); "
    "it was not run.",
)
CANCELLED_BY = both("{who} 取消了这个任务。", "{who} cancelled this job.")

NOT_A_BUTTON = both("这个按钮无效，什么都没有执行。", "This button is not valid; nothing was run.")
BUTTON_GONE = both(
    "这个按钮已经失效，什么都没有执行。请看最新的卡片，或者重新输入命令。",
    "This button is no longer valid; nothing was run. Use the newest card, or type the command.",
)
BUTTON_USED = both(
    "这个按钮已由 {who} 于 {at} 用过，不会再执行。",
    "This button was already used by {who} at {at}; it does not act twice.",
)
IN_WEB_CHAT = both(
    "{who}，答复只给你一个人看，放在你的网页聊天里：{url}",
    "{who}, the answer is for you alone: it is in your web chat at {url}",
)
TOOK = both("用时", "Took")
ELAPSED = both("已用时", "Elapsed")
SECONDS = both("{seconds} 秒", "{seconds} s")
MINUTES = both("{minutes} 分 {seconds} 秒", "{minutes} min {seconds} s")
EARLIER = both("✓ 前面 {count} 步", "✓ {count} steps before")
MOST_STEPS = 6
STILL_WORKING = both(
    "{skill} 还在运行，编号 {number}，完成后告诉你。要停止请输入 /cancel {number}。",
    "{skill} is still running under number {number}; you will be told when it is done. "
    "To stop it type /cancel {number}.",
)
CONFIRMED = ("confirm", "approved")
DONE_BY = {
    "approved": both("由 {who} 于 {at} 批准", "Approved by {who} at {at}"),
    "confirmed": both("由 {who} 于 {at} 确认", "Confirmed by {who} at {at}"),
    "denied": both("由 {who} 于 {at} 拒绝", "Denied by {who} at {at}"),
    "withdrawn": both("由 {who} 于 {at} 放弃", "Withdrawn by {who} at {at}"),
    "cancelled": both("由 {who} 于 {at} 取消", "Cancelled by {who} at {at}"),
}
ENDED_BY = both("由 {who} 于 {at} 结束：{state}", "Ended by {who} at {at}: {state}")
NOTE = both("结果：{state}", "Result: {state}")
SUBMIT = both("提交", "Submit")
YES_NO = (("yes", both("是", "yes")), ("no", both("否", "no")))
SOMEBODY = both("有人", "somebody")
FORM_OVER = both(
    "这张表单已经过期或填过了，什么都没有执行。请重新输入命令。",
    "This form has expired or was filled in already; nothing was run. Type the command again.",
)
NOT_YOUR_FORM = both(
    "只有提问的人自己可以填这张表单。", "Only the person who asked may fill this in."
)


def language_of(person: Person | None) -> str:
    """The person's own language, else the installation's."""
    return (person.language if person else "") or settings.CLAWDBOT_LANGUAGE


def state(name: str) -> Text:
    """The name of a job's or an approval's state for people."""
    return STATES.get(name) or DECISIONS.get(name) or both(name, name)


def zone() -> ZoneInfo:
    """The wall clock of schedules and cards."""
    return _zone(settings.CLAWDBOT_TIME_ZONE)


_zone = functools.cache(ZoneInfo)


def clock(moment: datetime) -> str:
    """A moment on the wall clock, to the minute."""
    return f"{moment.astimezone(zone()):%Y-%m-%d %H:%M}"


def time_of_day(moment: datetime) -> str:
    """A moment on the wall clock, the time of day alone."""
    return f"{moment.astimezone(zone()):%H:%M}"


def skill_label(name: str, language: str) -> str:
    """The skill as a person knows it: /host（主机）."""
    skill = skills.get(name)
    if skill is None or not skill.zh or language == "en":
        return f"/{name}"
    return f"/{name}（{skill.zh}）"


def plain(text: Text, language: str, **values: object) -> Card:
    """One sentence as a card."""
    return cards.answer(text.in_(language).format(**values))


def refused(text: str) -> Card:
    """A refusal as a card."""
    return Card("", "orange", (cards.Text(text),))


def broke(number: str, language: str) -> Card:
    """A job failed by a fault: cause, mend and the number to give to an administrator."""
    return cards.error(
        BROKE.in_(language),
        mend=BROKE_MEND.in_(language).format(number=number),
        number=number,
        language=language,
    )


def timed_out(number: str, seconds: float, language: str) -> Card:
    """A job took longer than its skill declared."""
    text = TIMED_OUT.in_(language).format(seconds=seconds)
    return cards.error(text, number=number, language=language)


def message_dead(number: int, language: str) -> Card:
    """A message was given up: the number is what an administrator searches the inbox for."""
    return cards.error(
        MESSAGE_DEAD.in_(language),
        mend=TELL_ADMIN.in_(language),
        number=f"M{number}",
        language=language,
    )


def gave_up(number: str, attempts: int, language: str) -> Card:
    """A job was interrupted too often."""
    return cards.error(
        GAVE_UP.in_(language).format(attempts=attempts),
        mend=BROKE_MEND.in_(language).format(number=number),
        number=number,
        language=language,
    )


def ended(
    skill: str,
    number: str,
    state: str,
    language: str,
    *,
    note: str = "",
    seconds: float | None = None,
) -> Card:
    """The last look of a progress card: how it ended, who decided about it, how long it took."""
    text = OVER.in_(language).format(
        skill=skill_label(skill, language), state=STATES[state].in_(language)
    )
    pairs = [(text, number)]
    if seconds is not None:
        pairs.append((TOOK.in_(language), duration(seconds, language)))
    blocks = (cards.Text(note),) if note else ()
    return Card("", cards.color_of(state), (Fields(tuple(pairs)), *blocks))


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its progress card shows it: the last of `steps` is under way, `lines` stand as they
    are."""

    skill: str
    number: str
    steps: tuple[str, ...] = ()
    seconds: float = 0.0
    decided: str = ""
    lines: tuple[str, ...] = ()


def working(run: Run, language: str) -> Card:
    """The progress card of a running job: its steps, its time, and its Cancel button."""
    text = WORKING.in_(language).format(skill=skill_label(run.skill, language))
    facts = Fields(((ELAPSED.in_(language), duration(run.seconds, language)),))
    parts = [text, "\n".join(run.lines), _steps(run.steps, language), run.decided]
    texts = [cards.Text(part) for part in parts if part]
    blocks: tuple[cards.Block, ...] = (*texts, facts)
    return Card("", "blue", blocks, (Button(CANCEL.in_(language), f"/cancel {run.number}"),))


def _steps(steps: Sequence[str], language: str) -> str:
    """What is done, with a check mark each, and what is being done; the last few of them."""
    shown = steps[-MOST_STEPS:]
    left = len(steps) - len(shown)
    lines = [EARLIER.in_(language).format(count=left)] if left else []
    lines += [f"✓ {one}" for one in shown[:-1]] + [f"▸ {one}" for one in shown[-1:]]
    return "\n".join(lines)


def still_working(skill: str, number: str, language: str) -> Card:
    """The one notice about a long job where cards cannot be edited."""
    shown = skill_label(skill, language)
    return plain(STILL_WORKING, language, skill=shown, number=number)


def duration(seconds: float, language: str) -> str:
    """A length of time for people, in whole seconds."""
    minutes, rest = divmod(int(seconds), 60)
    text = MINUTES if minutes else SECONDS
    return text.in_(language).format(minutes=minutes, seconds=rest)


def decision(approval: Approval, language: str) -> str:
    """Who decided about a question and when, or what became of it without anybody."""
    if approval.state == "waiting":
        return ""
    if approval.decided_by is None or approval.decided_at is None:
        return note_of(approval.state, language)
    done = "confirmed" if (approval.kind, approval.state) == CONFIRMED else approval.state
    return done_by(done, str(approval.decided_by), approval.decided_at, language)


def done_by(state: str, who: str, at: datetime, language: str) -> str:
    """Who did it and when."""
    text = DONE_BY.get(state) or ENDED_BY
    shown = STATES[state].in_(language) if state in STATES else state
    return text.in_(language).format(who=who, at=time_of_day(at), state=shown)


def note_of(name: str, language: str) -> str:
    """What became of something, as a remark on its card."""
    return NOTE.in_(language).format(state=state(name).in_(language))


def offers(text: str, found: Sequence[tuple[str, str]], language: str) -> Card:
    """An unknown command with the nearest ones as buttons; nothing is run."""
    shown = text if len(text) <= 60 else text[:60] + "…"
    said = UNKNOWN.in_(language).format(text=shown)
    hint = (NEAREST if found else NO_OFFERS).in_(language)
    buttons = tuple(Button(label, cmd, once=False) for label, cmd in found)
    return Card("", "orange", (cards.Text(said), cards.Text(hint)), buttons)
