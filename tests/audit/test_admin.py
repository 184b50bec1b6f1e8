"""The audit's pages: to search and read, for people with `audit.read` only."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts import authz
from apps.accounts.models import Person, Role
from apps.audit import log
from apps.audit.models import AuditRow, Seal
from apps.audit.seal import seal_once


def console(who: Person) -> Client:
    client = Client()
    client.force_login(who)
    return client


@pytest.fixture
def eve(roles: dict[str, Role]) -> Person:
    """An auditor."""
    return authz.add_person("eve", log.Actor.system("test"), roles=["auditor"])


def test_the_auditor_reads(eve: Person, bob: Person) -> None:
    log.record(
        "job.done",
        actor=log.Actor.person(bob),
        obj=("job", 12, "<b>host</b>"),
        trace_id="a" * 32,
        data={"x": "<script>"},
    )
    seal_once()
    row = AuditRow.objects.latest("id")
    client = console(eve)
    page = client.get(f"/admin/audit/auditrow/{row.pk}/change/").content.decode()
    assert row.mac in page
    assert "<script>" not in page.replace("<script src", "")
    assert client.get(f"/admin/audit/seal/{Seal.objects.get().pk}/change/").status_code == 200
    assert client.get("/admin/audit/seal/").status_code == 200
    everything = client.get("/admin/audit/auditrow/").context["cl"].result_count
    assert everything == AuditRow.objects.count()
    for word in ("a" * 32, f"person:{bob.pk}", "job.done", "job:12"):
        found = client.get("/admin/audit/auditrow/", {"q": word}).context["cl"].result_list
        assert row in found, word
        assert len(found) < everything
    assert not client.get("/admin/audit/auditrow/", {"q": "nothing"}).context["cl"].result_list


def test_nobody_changes_it(eve: Person, alice: Person) -> None:
    row = AuditRow.objects.latest("id")
    for who in (eve, alice):
        client = console(who)
        page = f"/admin/audit/auditrow/{row.pk}"
        assert client.post(f"{page}/change/", {"action": "x"}).status_code == 403
        assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
        assert client.get("/admin/audit/auditrow/add/").status_code == 403
        data = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        client.post("/admin/audit/auditrow/", data)
    assert AuditRow.objects.get(pk=row.pk).action == row.action


def test_others_do_not_see_it(bob: Person) -> None:
    operator = authz.add_person("dora", log.Actor.system("test"), roles=["operator"])
    assert console(operator).get("/admin/audit/auditrow/").status_code == 403
    assert console(bob).get("/admin/audit/auditrow/").status_code in (302, 403)
