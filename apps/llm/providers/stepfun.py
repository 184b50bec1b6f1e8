"""StepFun. Source: platform.stepfun.com/docs/zh/guide/exception: 402 is the balance and 451, which
nobody else uses, content that may not be asked or answered."""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import both
from apps.llm.errors import ContentIn
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class StepFun(Provider):
    """阶跃星辰 StepFun."""

    name = "stepfun"
    labels = both("阶跃星辰", "StepFun")
    base_url = "https://api.stepfun.com/v1"
    hosts = ("api.stepfun.ai",)
    abroad = ("api.stepfun.ai",)
    suggestions = ("step-3.5-flash", "step-3.5-flash-2603")
    quirks = Quirks(json="object", thinks=True, replay="raw", thinking_room=8192)
    models = (("step-1*v*", {"vision": True}), ("step-1o*", {"vision": True}))
    codes: ClassVar = {"censorship_blocked": ContentIn}
    hint = both("在 platform.stepfun.com 创建 API key。", "Make a key at platform.stepfun.com.")
