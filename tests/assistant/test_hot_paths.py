"""What is asked every second costs by what is open, never by how much has ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.assistant import drain
from apps.assistant.models import Job, Message
from apps.core import work
from apps.im import delivery
from apps.im.models import Delivery

pytestmark = pytest.mark.django_db
NOW = timezone.now()
Find = Callable[[], "QuerySet[Job] | QuerySet[Message] | QuerySet[Delivery]"]
HOT: dict[str, Find] = {
    "messages due": lambda: drain.due("interactive", NOW)[:100],
    "messages of the silent": lambda: work.expired(Message),
    "deliveries due": lambda: delivery.due(NOW)[:64],
    "deliveries of the silent": lambda: work.expired(Delivery),
    "busy conversations": lambda: work.unfinished(Delivery).filter(conversation_id__in=[1, 2]),
    "jobs due": lambda: work.claimable(Job, NOW).filter(lane__in=("batch", "normal"))[:4],
    "jobs of the silent": lambda: work.expired(Job),
    "jobs under way": lambda: work.unfinished(Job).filter(state="running"),
    "jobs that ask": lambda: work.unfinished(Job).filter(state="asking", expires_at__lte=NOW),
}


@pytest.mark.parametrize("find", HOT.values(), ids=HOT)
def test_no_table_is_read_as_a_whole(find: Find) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # else it reads small tables whole
        plan = find().explain()
    whole = [
        line
        for line in plan.splitlines()
        if "Seq Scan" in line or "Anti Join" in line or (" SCAN " in line and "INDEX" not in line)
    ]
    assert not whole, plan


def test_the_open_states_are_those_of_the_indexes() -> None:
    for model in (Message, Job, Delivery):
        conditions = [str(index.condition) for index in model._meta.indexes if index.condition]
        wanted = repr(model.OPEN) if model.OPEN[1:] else repr(model.OPEN[0])
        assert any(wanted in condition for condition in conditions)
        assert set(model.READY) | {model.WORKING} <= set(model.OPEN)
