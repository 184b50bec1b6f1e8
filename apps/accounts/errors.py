"""What can go wrong with people and rights, in words for the person who tried it."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class Forbidden(ClawdbotError):
    """{why}"""

    code = "forbidden"
    zh = "{why}"
    http_status = 403
    permanent = True


class UnknownName(ClawdbotError):
    """There is no {kind} named {name}. {hint}"""

    code = "unknown_name"
    zh = "没有名为“{name}”的{kind}。{hint}"
    http_status = 404
    permanent = True


class NameTaken(ClawdbotError):
    """There is already a {kind} named {name}."""

    code = "name_taken"
    zh = "已有名为“{name}”的{kind}。"
    http_status = 409
    permanent = True


class InvalidName(ClawdbotError):
    """{name} is no name: use 1 to {limit} visible characters."""

    code = "invalid_name"
    zh = "“{name}”不能作名称:请用 1 到 {limit} 个可见字符。"
    http_status = 400
    permanent = True


class InvalidEmail(ClawdbotError):
    """{email} is no e-mail address."""

    code = "invalid_email"
    zh = "“{email}”不是邮箱地址。"
    http_status = 400
    permanent = True


class LastAdministrator(ClawdbotError):
    """Nobody could give rights any more. Make another person administrator first."""

    code = "last_administrator"
    zh = "这样就没有人能授权了。请先让另一个人成为管理员。"
    http_status = 409
    permanent = True


class Shipped(ClawdbotError):
    """The role {name} belongs to ClawdBot; its rights can be changed, the role itself stays."""

    code = "shipped_role"
    zh = "角色 {name} 是系统自带的:可以改它的权限,不能删除。"
    http_status = 409
    permanent = True


class AlreadyBound(ClawdbotError):
    """This identity belongs to {name} already. Remove that binding first."""

    code = "already_bound"
    zh = "该账号已绑定给 {name}。请先解除原来的绑定。"
    http_status = 409
    permanent = True


class PairingError(ClawdbotError):
    """The pairing code is wrong, used, or older than 10 minutes. Write to me for a new one."""

    code = "pairing"
    zh = "配对码无效、已用过,或已超过 10 分钟。请重新给我发消息获取。"
    http_status = 400
    permanent = True


class TooManyTries(PairingError):
    """Too many wrong codes. Try again in an hour."""

    code = "pairing_tries"
    zh = "错误的配对码太多,请一小时后再试。"
    http_status = 429


class Inactive(ClawdbotError):
    """{name} is switched off. Enable the person first."""

    code = "inactive"
    zh = "{name} 已停用,请先启用。"
    http_status = 409
    permanent = True


class InvalidPassword(ClawdbotError):
    """The password is refused: {why}"""

    code = "invalid_password"
    zh = "密码不合要求:{why}"
    http_status = 400
    permanent = True
