"""What can go wrong with documents, in words for the person who tried it."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class CannotRead(ClawdbotError):
    """The document {name} could not be taken in: {why}."""

    code = "cannot_read"
    zh = "文档 {name} 没有入库：{why}。"
    http_status = 422
    permanent = True


class UnknownCollection(ClawdbotError):
    """There is no collection {name} that you may use.{hint}"""

    code = "unknown_collection"
    zh = "没有你可以使用的资料库“{name}”。{hint}"
    http_status = 404
    permanent = True


class WhichCollection(ClawdbotError):
    """Into which collection? Add its name: {names}."""

    code = "which_collection"
    zh = "要放进哪个资料库？请加上名称：{names}。"
    http_status = 400
    permanent = True


class BadCollection(ClawdbotError):
    """{name} is no name of a collection: up to 50 letters, digits, - and _, such as handbook."""

    code = "bad_collection"
    zh = "“{name}”不能作资料库的名称：最多 50 个字，可用汉字、字母、数字、- 和 _，例如 员工手册。"
    http_status = 400
    permanent = True


class UnknownDocument(ClawdbotError):
    """There is no document {name}."""

    code = "unknown_document"
    zh = "没有文档“{name}”。"
    http_status = 404
    permanent = True
