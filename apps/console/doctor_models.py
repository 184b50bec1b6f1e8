"""The doctor's look at the models' gates: does one have a pause, and do the limits hold?"""

from __future__ import annotations

from collections.abc import Iterator

from apps.console.doctor_looks import Seen
from apps.core.i18n import both
from apps.llm import limits
from apps.llm.gates.shapes import StoreDown
from apps.llm.models import LanguageModel

_PAUSE = both(
    "暂停调用（{reason}），{seconds} 秒后再试",
    "has a pause ({reason}), is tried again in {seconds} s",
)
_CHECK = both("manage.py model check {model}", "manage.py model check {model}")
_NO_STORE = both("限额的存储不可用：{error}", "the store of the limits is down: {error}")
_START = both("检查 Redis 和数据库。", "Look at Redis and the database.")


def model_gates() -> Iterator[Seen]:
    """The gates of the enabled models: one line for each that is not open, else one for all."""
    fine = True
    for row in LanguageModel.objects.filter(enabled=True).order_by("name"):
        name = f"gate {row.name}"
        try:
            gate = limits.look(row)
        except StoreDown as error:
            yield Seen("FAIL", _NO_STORE.format(error=str(error)[:120]), _START, name)
            return
        if gate.breaker != "closed":
            fine = False
            detail = _PAUSE.format(reason=gate.reason, seconds=f"{gate.opens_in:.0f}")
            yield Seen("WARN", detail, _CHECK.format(model=row.name), name)
    if fine:
        yield Seen("OK")
