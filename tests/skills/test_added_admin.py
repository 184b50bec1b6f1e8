"""The console's pages: servers, the review of their tools, the import and review of SKILL.md."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.models import Person, Role
from apps.skills.mcp import review, servers
from apps.skills.models import McpServer, McpTool, PromptSkill
from apps.skills.prompts import actions, bundle
from tests.skills.conftest import CLERK
from tests.skills.mcp_stand import TOKEN, McpStand, echo
from tests.skills.test_prompts import GOOD_FILES, packed

SERVERS = "/admin/skills/mcpserver/"
TOOLS = "/admin/skills/mcptool/"
PROMPTS = "/admin/skills/promptskill/"
pytestmark = pytest.mark.usefixtures("shelf")


@pytest.fixture
def page(alice: Person) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def seen(page: Client, path: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', page.get(path).content.decode())
    assert found is not None
    return found[1]


def test_a_server_is_added_and_its_token_never_shown(page: Client, stand: McpStand) -> None:
    form = {"name": "erp", "url": stand.address, "private": "on", "timeout_s": "5", "enabled": "on"}
    assert page.post(f"{SERVERS}add/", {**form, "new_token": TOKEN}).status_code == 302
    row = McpServer.objects.get()
    assert servers.headers_of(row) == {"Authorization": f"Bearer {TOKEN}"}
    assert TOKEN not in page.get(f"{SERVERS}{row.pk}/change/").content.decode()
    form.pop("enabled")
    page.post(f"{SERVERS}{row.pk}/change/", {**form, "timeout_s": "9", "new_token": ""})
    row.refresh_from_db()
    assert (row.timeout_s, row.enabled) == (9, False)
    assert servers.headers_of(row) == {"Authorization": f"Bearer {TOKEN}"}
    page.post(SERVERS, {"action": "fetch", "_selected_action": [row.pk]})
    assert McpTool.objects.get().name == "echo"
    page.post(f"{SERVERS}{row.pk}/delete/", {"post": "yes"})
    assert not McpServer.objects.exists()


def test_a_wrong_address_is_said_beside_the_form(page: Client) -> None:
    form = {"name": "erp", "url": "stdio://npx", "timeout_s": "5", "enabled": "on"}
    assert "stdio" in page.post(f"{SERVERS}add/", form).content.decode()
    assert not McpServer.objects.exists()


def test_a_server_that_is_away_is_said(page: Client, server: McpServer, stand: McpStand) -> None:
    stand.go_down()
    found = page.post(SERVERS, {"action": "fetch", "_selected_action": [server.pk]}, follow=True)
    assert "127.0.0.1" in found.content.decode()
    stand.come_back()


def test_a_tool_is_reviewed(page: Client, server: McpServer, stand: McpStand) -> None:
    stand.tools = [echo("Say <script>alert(1)</script>\u202e again.")]
    review.refresh(server, CLERK)
    row = McpTool.objects.get()
    path = f"{TOOLS}{row.pk}/change/"
    shown = page.get(path).content.decode()
    assert "<script>alert(1)" not in shown
    assert "\\u202e" in shown
    form = {"seen": seen(page, path), "enable": "on"}
    assert page.post(path, form).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.read_only, row.reviewed_by) == ("enabled", False, "Alice")
    assert page.post(path, {"seen": form["seen"]}).status_code == 302
    row.refresh_from_db()
    assert row.state == "disabled"


def test_what_changed_while_the_page_was_read_is_not_enabled(
    page: Client, server: McpServer, stand: McpStand
) -> None:
    review.refresh(server, CLERK)
    row = McpTool.objects.get()
    path = f"{TOOLS}{row.pk}/change/"
    form = {"seen": seen(page, path), "enable": "on"}
    page.post(path, form)
    stand.tools = [echo("Another.")]
    review.refresh(server, CLERK)
    shown = page.get(path).content.decode()
    assert "-  &quot;description&quot;: &quot;Say it again.&quot;" in shown
    assert "+  &quot;description&quot;: &quot;Another.&quot;" in shown
    assert page.post(path, form).status_code == 200  # the form again, with the reason
    row.refresh_from_db()
    assert row.state == "changed"


def test_a_zip_is_imported_and_reviewed(page: Client) -> None:
    package = SimpleUploadedFile("a-b.zip", packed(GOOD_FILES))
    assert page.post(f"{PROMPTS}add/", {"package": package}).status_code == 302
    row = PromptSkill.objects.get()
    assert (row.state, row.imported_by) == ("new", "Alice")
    path = f"{PROMPTS}{row.pk}/change/"
    assert "Write minutes" in page.get(path).content.decode()
    assert page.post(path, {"seen": seen(page, path), "enable": "on"}).status_code == 302
    row.refresh_from_db()
    assert row.state == "enabled"
    assert page.post(path, {"seen": "0" * 64, "enable": "on"}).status_code == 200
    page.post(f"{PROMPTS}{row.pk}/delete/", {"post": "yes"})
    assert not PromptSkill.objects.exists()


def test_a_bad_zip_is_said_beside_the_form(page: Client) -> None:
    package = SimpleUploadedFile("a-b.zip", packed({**GOOD_FILES, "../evil": "x"}))
    found = page.post(f"{PROMPTS}add/", {"package": package})
    assert found.status_code == 200
    assert "../evil" in found.content.decode()
    assert not PromptSkill.objects.exists()


@pytest.mark.parametrize("path", [SERVERS, TOOLS, PROMPTS])
def test_others_may_look_or_not_even_that(
    server: McpServer, bob: Person, roles: dict[str, Role], path: str
) -> None:
    client = Client()
    client.force_login(bob)
    assert client.get(path).status_code == 403
    bob.roles.add(roles["auditor"])
    review.refresh(server, CLERK)
    actions.take(bundle.of_zip(packed(GOOD_FILES), "a-b"), CLERK)
    rows = {SERVERS: server, TOOLS: McpTool.objects.get(), PROMPTS: PromptSkill.objects.get()}
    assert client.get(path).status_code == 200
    assert client.get(f"{path}{rows[path].pk}/change/").status_code == 200
    assert client.get(f"{path}add/").status_code == 403
