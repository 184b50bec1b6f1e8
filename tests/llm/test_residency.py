"""What may go where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.accounts import authz
from apps.accounts.models import Department, Person, Role
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.llm import privacy_actions, residency
from apps.llm.models import LanguageModel
from apps.llm.privacy_errors import StaysHere
from apps.llm.shapes import Ask, Picture, Purpose, Turn, user

ASK = Ask((user("hello"),))
SYSTEM = Actor.system("test")


@pytest.fixture
def models(db: None) -> dict[str, LanguageModel]:
    zones = ("internal", "mainland", "abroad")
    return {
        zone: LanguageModel.objects.create(
            name=f"m-{zone}", base_url="http://x", model="m", zone=zone
        )
        for zone in zones
    }


def allow(*departments: Department, everybody: bool = False) -> None:
    privacy_actions.set_residency(allow_abroad=everybody, departments=departments, actor=SYSTEM)


def test_abroad_is_refused_until_it_is_allowed(models: dict[str, LanguageModel]) -> None:
    with pytest.raises(StaysHere) as refused:
        residency.check(models["abroad"], ASK, Purpose("ask"))
    assert "m-internal, m-mainland" in refused.value.text("en")
    assert "可以改用：m-internal, m-mainland" in refused.value.text("zh")
    assert AuditRow.objects.filter(action="model.kept_here", outcome="refused").count() == 1
    residency.check(models["mainland"], ASK, Purpose("ask"))
    allow(everybody=True)
    residency.check(models["abroad"], ASK, Purpose("ask"))


def test_only_models_that_the_person_may_use_are_offered(
    models: dict[str, LanguageModel], bob: Person, roles: dict[str, Role]
) -> None:
    authz.allow(roles["member"], "model.use.m-mainland", SYSTEM)
    with pytest.raises(StaysHere) as refused:
        residency.check(models["abroad"], ASK, Purpose("ask", bob.pk))
    assert "m-mainland" in refused.value.text("en")
    assert "m-internal" not in refused.value.text("en")


def test_departments_may_be_allowed_with_those_below(
    models: dict[str, LanguageModel], bob: Person, carol: Person
) -> None:
    group = Department.objects.create(name="Group")
    sales = Department.objects.get(name="Sales")
    sales.parent = group
    sales.save()
    allow(group)
    assert residency.may(models["abroad"], ASK, Purpose("ask", bob.pk))
    assert not residency.may(models["abroad"], ASK, Purpose("ask", carol.pk))
    assert not residency.may(models["abroad"], ASK, Purpose("ask"))


@pytest.mark.parametrize("by", ["picture", "file"])
def test_what_cannot_be_masked_goes_to_internal_models_only(
    models: dict[str, LanguageModel], by: str
) -> None:
    allow(everybody=True)
    picture = Turn("user", "what is this?", pictures=(Picture(b"x", "image/png"),))
    ask = Ask((picture,)) if by == "picture" else ASK
    purpose = Purpose("ask", only_internal=by == "file")
    assert residency.may(models["internal"], ask, purpose)
    for zone in ("mainland", "abroad"):
        assert not residency.may(models[zone], ask, purpose)
        with pytest.raises(StaysHere) as refused:
            residency.check(models[zone], ask, replace(purpose, trace_id="t"))
        assert refused.value.text("en").endswith("You can ask: m-internal.")
