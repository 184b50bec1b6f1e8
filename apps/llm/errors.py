"""The ten ways in which a model call fails, the same for every vendor, and our own refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from apps.core.errors import ClawdbotError
from apps.core.redact import redact

if TYPE_CHECKING:
    from apps.llm.shapes import Usage

#: Of what a vendor says of an error, in characters: so much is read, and so much kept.
_READ, _KEPT = 4000, 400


class ModelError(ClawdbotError):
    """The model {model} cannot answer: {why}."""

    code = "model"
    zh = "模型 {model} 无法回答：{why}。"
    http_status = 502
    #: May the same question go to it again, or to the next model of the chain?
    passes: ClassVar[bool] = False
    #: What the call cost all the same, None when nothing is known of it.
    usage: Usage | None = None

    def __init__(
        self, detail: str = "", /, *, after: float | None = None, **params: object
    ) -> None:
        """`after`: seconds that the vendor asked us to wait. `detail` goes into logs and rows: what
        is personal or secret in it is taken out, for a vendor may repeat the question or the key.
        """
        self.after = after
        detail = redact(detail[:_READ])[:_KEPT]
        super().__init__(detail, **{"model": "", "why": "", **params})


class Auth(ModelError):
    """The model {model} does not accept its key; an administrator has to set it anew."""

    code = "auth"
    zh = "模型 {model} 不接受密钥，请管理员重新设置。"
    permanent = True


class Balance(ModelError):
    """The account of the model {model} is out of money; an administrator has to top it up."""

    code = "balance"
    zh = "模型 {model} 的账户余额不足，请管理员充值。"
    permanent = True


class Rate(ModelError):
    """The model {model} is asked too often right now. Please try again in a moment."""

    code = "rate"
    zh = "模型 {model} 现在请求过多，请稍后再试。"
    http_status = 429
    passes = True


class Overloaded(ModelError):
    """The model {model} is overloaded. Please try again in a moment."""

    code = "overloaded"
    zh = "模型 {model} 现在过载，请稍后再试。"
    http_status = 503
    passes = True


class ContentIn(ModelError):
    """The vendor of the model {model} refused the question for its content. Please reword it."""

    code = "content_in"
    zh = "模型 {model} 的厂商因内容拒绝了这个问题，请换一种说法。"
    http_status = 422
    permanent = True


class ContentOut(ModelError):
    """The vendor of the model {model} held its answer back for its content."""

    code = "content_out"
    zh = "模型 {model} 的厂商因内容拦下了回答。"
    http_status = 422
    permanent = True


class TooLong(ModelError):
    """That is too long for the model {model}. Please send less."""

    code = "too_long"
    zh = "内容超过了模型 {model} 的长度上限，请缩短后再发。"
    http_status = 413
    permanent = True


class BadRequest(ModelError):
    """The model {model} did not accept the request ({why}); an administrator can see why."""

    code = "bad_request"
    zh = "模型 {model} 不接受这个请求（{why}），管理员可以查看原因。"
    permanent = True


class Timeout(ModelError):
    """The model {model} did not answer in time. Please try again."""

    code = "timeout"
    zh = "模型 {model} 没有及时回答，请再试一次。"
    http_status = 504
    passes = True


class Network(ModelError):
    """The model {model} cannot be reached. An administrator can look with `model check {model}`."""

    code = "network"
    zh = "连不上模型 {model}。管理员可以用 model check {model} 查看。"
    passes = True


class ToolsRefused(BadRequest):
    """The model {model} takes no tools ({why})."""

    zh = "模型 {model} 不支持工具调用（{why}）。"


class FormatRefused(BadRequest):
    """The model {model} does not know the answer format that was asked for ({why})."""

    zh = "模型 {model} 不支持要求的回答格式（{why}）。"


class BadAnswer(BadRequest):
    """The answer of the model {model} cannot be used ({why}). Try again, or choose another one."""

    zh = "模型 {model} 的回答无法使用（{why}）。请再试一次，或换一个模型。"


class Cut(TooLong):
    """The answer of the model {model} did not fit into {limit} tokens. Please ask for less."""

    zh = "模型 {model} 的回答超过了 {limit} 个 token 的上限，请把要求缩小一些。"


class NoModel(ClawdbotError):
    """No language model is set up. An administrator can add one with `manage.py model add`."""

    code = "no_model"
    zh = "还没有配置语言模型。管理员可以用 manage.py model add 添加。"
    http_status = 503
    permanent = True


class UnknownModel(ClawdbotError):
    """There is no model called {name}. There are: {known}."""

    code = "unknown_model"
    zh = "没有名为 {name} 的模型。现有：{known}。"
    http_status = 404
    permanent = True
