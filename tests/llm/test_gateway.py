"""The gateway, beside a scripted model server."""

from __future__ import annotations

import pytest

from apps.accounts.errors import Forbidden
from apps.accounts.models import Person
from apps.llm import gateway
from apps.llm.errors import Auth, NoModel, UnknownModel
from apps.llm.models import LanguageModel
from apps.llm.shapes import Ask, Purpose, user
from apps.simulate.model import ModelStand

PURPOSE = Purpose("ask")


def test_a_question_gets_its_answer(model: LanguageModel, stand: ModelStand) -> None:
    stand.answer = "42"
    answer = gateway.call(Ask((user("what?"),)), PURPOSE)
    assert (answer.text, answer.model) == ("42", "stand")
    assert stand.asked[0]["messages"] == [{"role": "user", "content": "what?"}]


def test_a_wrong_key_is_told(model: LanguageModel, stand: ModelStand) -> None:
    stand.key = "another"
    with pytest.raises(Auth):
        gateway.call(Ask((user("what?"),)), PURPOSE)


def test_without_the_right_nothing_is_asked(model: LanguageModel, stand: ModelStand) -> None:
    nobody = Person.objects.create_person("nobody")
    with pytest.raises(Forbidden):
        gateway.call(Ask((user("what?"),)), Purpose("ask", nobody.pk))
    assert not stand.asked


@pytest.mark.django_db
def test_no_model_and_no_such_model_are_told_apart(request: pytest.FixtureRequest) -> None:
    with pytest.raises(NoModel):
        gateway.call(Ask((user("what?"),)), PURPOSE)
    request.getfixturevalue("model")
    with pytest.raises(UnknownModel):
        gateway.call(Ask((user("what?"),)), PURPOSE, "other")
