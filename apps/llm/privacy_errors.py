"""Why a question or an answer is held back, with the mend."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class StaysHere(ClawdbotError):
    """The model {model} may not be asked this: {why}. {instead}"""

    code = "stays_here"
    zh = "这个问题不能交给模型 {model}：{why}。{instead}"
    http_status = 403
    permanent = True


class Listed(ClawdbotError):
    """A word on the company's list holds this back."""

    code = "listed"
    zh = "公司名单上的词拦下了这次提问。"
    http_status = 403
    permanent = True


class MustNotLeave(Listed):
    """This holds something that must not leave the company (list entry {entry}), so that the model
    {model} cannot be asked. Please leave it out, or ask an administrator."""

    code = "must_not_leave"
    zh = (
        "其中有不得外发的内容（名单第 {entry} 条），不能交给模型 {model}。"
        "请去掉后再问，或联系管理员。"
    )


class ListedQuestion(Listed):
    """I may not answer questions about this (list entry {entry}). Please ask an administrator."""

    code = "listed_question"
    zh = "按公司规定，这个问题不能回答（名单第 {entry} 条）。如有需要请联系管理员。"


class ListedAnswer(Listed):
    """The answer was held back: it touches what I may not speak about (list entry {entry}). Please
    ask an administrator."""

    code = "listed_answer"
    zh = "回答涉及不能谈论的内容（名单第 {entry} 条），已被拦下。如有需要请联系管理员。"
