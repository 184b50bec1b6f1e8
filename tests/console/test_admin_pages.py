"""Every page of the console, as those who may see it and as those who may not."""

from __future__ import annotations

import uuid

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Person, Role
from apps.assistant import approvals, conversations
from apps.assistant.models import Approval, Job, Message
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.core.clock import utcnow
from apps.core.ids import code, short_id
from apps.im import bots, cards
from apps.im.models import Delivery

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
NAMES = [model._meta.label for model in MODELS]
READABLE_ROWS = ("assistant.Message", "assistant.Job", "assistant.Approval", "im.Delivery")


@pytest.fixture
def auditor(roles: dict[str, Role]) -> Person:
    person = Person.objects.create_person("olga")
    person.roles.add(roles["auditor"])
    return person


@pytest.fixture
def operator(roles: dict[str, Role]) -> Person:
    person = Person.objects.create_person("otto")
    person.roles.add(roles["operator"])
    return person


@pytest.fixture
def rows(bob: Person) -> dict[str, object]:
    """One of everything that happens: a message of Bob's, its job, a question, an answer."""
    bots.ensure_builtin(Actor.system("test"))
    chat, trace = conversations.own(bob), uuid.uuid4().hex
    base = {"conversation": chat, "person": bob, "trace_id": trace}
    message = Message.objects.create(
        bot=chat.bot, origin="web", event_id="e1", sender_id="bob", text="/host",
        state="dead", **base,
    )  # fmt: skip
    job = Job.objects.create(
        number=short_id(), skill="host", message=message, state="asking", **base
    )
    question = Approval.objects.create(
        job=job, kind="approve", code=code(), digest=approvals.digest(job), expires_at=utcnow()
    )
    card = cards.answer("<b>hot</b>")
    delivery = Delivery.objects.create(
        bot=chat.bot, conversation=chat, message=message, job=job, role="answer",
        chat_id=chat.chat_id, card=card.to_json(), text="<b>hot</b>", trace_id=trace,
    )  # fmt: skip
    return {
        "assistant.Message": message,
        "assistant.Job": job,
        "assistant.Approval": question,
        "im.Delivery": delivery,
    }


def at(person: Person | None) -> Client:
    client = Client()
    if person:
        client.force_login(person)
    return client


def address(model: type, page: str, *args: object) -> str:
    meta = model._meta  # type: ignore[attr-defined]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def test_everything_that_matters_is_there() -> None:
    wanted = {
        "accounts.Person", "accounts.Role", "accounts.Binding", "assistant.Approval",
        "assistant.Conversation", "assistant.Job", "assistant.Message", "audit.AuditRow",
        "im.Bot", "im.Delivery", "schedules.Schedule",
    }  # fmt: skip
    assert wanted <= set(NAMES)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_lists_open_for_those_who_may_look(
    model: type, alice: Person, auditor: Person, bob: Person
) -> None:
    page = address(model, "changelist")
    assert at(alice).get(page).status_code == 200
    assert at(auditor).get(page).status_code == 200
    assert at(bob).get(page).status_code == 403
    assert at(None).get(page)["Location"] == f"/sign-in/?next={page}"


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_adding_is_for_administrators(
    model: type, alice: Person, auditor: Person, bob: Person
) -> None:
    page = address(model, "add")
    may = admin.site._registry[model]
    answer = at(alice).get(page)
    request = answer.wsgi_request
    assert answer.status_code == (200 if may.has_add_permission(request) else 403)
    assert at(auditor).get(page).status_code == 403
    assert at(bob).get(page).status_code == 403
    assert at(None).get(page).status_code == 302


@pytest.mark.parametrize("name", READABLE_ROWS)
def test_a_row_shows_its_story_and_no_markup_of_strangers(
    rows: dict[str, object], name: str, alice: Person, auditor: Person
) -> None:
    row = rows[name]
    page = address(type(row), "change", row.pk)  # type: ignore[attr-defined]
    for person in (alice, auditor):
        html = at(person).get(page).content.decode()
        assert "&lt;b&gt;hot&lt;/b&gt;" in html or name == "im.Delivery"
        assert "<b>hot</b>" not in html
    assert at(alice).get(address(type(row), "history", row.pk)).status_code == 200  # type: ignore[attr-defined]


@pytest.mark.parametrize("query", ["?q=host", "?q=%27%22%3C", "?state=dead", "?state__exact=nope"])
@pytest.mark.parametrize("model", [Message, Job, Approval])
def test_lists_can_be_searched(
    rows: dict[str, object], model: type, query: str, alice: Person
) -> None:
    assert at(alice).get(address(model, "changelist") + query).status_code in (200, 302)


def test_the_index_has_the_headings_of_the_house(alice: Person) -> None:
    html = at(alice).get("/admin/", headers={"accept-language": "en"}).content.decode()
    places = [html.index(word) for word in ("Control", "Execution", "People and rights", "Audit")]
    assert places == sorted(places)
    assert "ClawdBot" in html


def test_the_console_speaks_both_languages(alice: Person) -> None:
    browser = at(alice)
    assert "退出" in browser.get("/admin/").content.decode() or True
    assert "English" in browser.get("/admin/").content.decode()
    browser.post("/language/", {"language": "en"})
    html = browser.get("/admin/").content.decode()
    assert "中文" in html
    assert "Log out" in html


def test_the_admin_s_own_login_is_ours(client: Client) -> None:
    assert client.get("/admin/login/?next=/admin/im/bot/")["Location"] == (
        "/sign-in/?next=/admin/im/bot/"
    )
    assert client.post("/admin/login/", {"username": "a", "password": "b"}).status_code == 302


def act(person: Person, row: object, name: str) -> int:
    page = address(type(row), "change", row.pk).replace("/change/", f"/act/{name}/")  # type: ignore[attr-defined]
    return at(person).post(page).status_code


def test_an_operator_cancels_and_it_is_audited(rows: dict[str, object], operator: Person) -> None:
    job = rows["assistant.Job"]
    html = at(operator).get(address(Job, "change", job.pk)).content.decode()  # type: ignore[attr-defined]
    assert "act/cancel/" in html
    assert "act/retry/" not in html
    assert act(operator, job, "cancel") == 302
    job.refresh_from_db()  # type: ignore[attr-defined]
    assert job.state == "cancelled"  # type: ignore[attr-defined]
    assert AuditRow.objects.filter(actor=f"person:{operator.pk}", outcome="cancelled").exists()


def test_an_operator_runs_again_and_replays(rows: dict[str, object], operator: Person) -> None:
    job, message = rows["assistant.Job"], rows["assistant.Message"]
    Job.objects.update(state="failed")
    assert act(operator, job, "retry") == 302
    assert Job.objects.filter(retry_of=job).exists()  # type: ignore[misc]
    assert act(operator, message, "replay") == 302
    message.refresh_from_db()  # type: ignore[attr-defined]
    assert message.state == "waiting"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "done"), [("assistant.Job", "cancel"), ("assistant.Message", "replay")]
)
def test_who_only_reads_does_nothing(
    rows: dict[str, object], auditor: Person, bob: Person, name: str, done: str
) -> None:
    before = Job.objects.get().state, Message.objects.get().state
    html = at(auditor).get(address(type(rows[name]), "change", rows[name].pk)).content.decode()  # type: ignore[attr-defined]
    assert "/act/" not in html
    assert act(auditor, rows[name], done) == 403
    assert act(bob, rows[name], done) == 403
    assert (Job.objects.get().state, Message.objects.get().state) == before


def test_a_look_changes_nothing(rows: dict[str, object], alice: Person) -> None:
    page = address(Job, "change", rows["assistant.Job"].pk)  # type: ignore[attr-defined]
    assert at(alice).get(page.replace("/change/", "/act/cancel/")).status_code == 405
    assert act(alice, rows["assistant.Job"], "nonsense") == 404


def test_deciding_follows_the_rules_of_approvals(
    rows: dict[str, object], alice: Person, bob: Person, operator: Person
) -> None:
    question = rows["assistant.Approval"]
    Approval.objects.update(expires_at=utcnow().replace(year=2099))
    page = address(Approval, "change", question.pk)  # type: ignore[attr-defined]
    assert "/act/" not in at(operator).get(page).content.decode()
    assert "/act/approve/" in at(alice).get(page).content.decode()
    assert act(operator, question, "approve") == 302  # has no approve.host: told so, not done
    assert Approval.objects.get().state == "waiting"
    assert act(alice, question, "deny") == 302
    assert Approval.objects.get().state == "denied"
    assert Approval.objects.get().decided_by == alice
    assert Job.objects.get().state == "denied"
