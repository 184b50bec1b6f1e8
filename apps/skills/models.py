"""Skills that are rows: tools of MCP servers and prompts out of SKILL.md folders."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class Edition(models.Model):
    """Changes whenever a row below changes what can be asked for; processes compare it."""

    name = models.CharField(max_length=20, primary_key=True)
    token = models.CharField(max_length=32)

    def __str__(self) -> str:
        return f"{self.name}: {self.token}"


class McpServer(models.Model):
    """A server of tools at an address, over streamable HTTP. `headers` is an AES-GCM token of a
    JSON object with the AAD `skills.mcpserver|<uid>|headers`.

    `private`: the address may be in our own network, without TLS and on any port. `protocol` is the
    revision it was found to speak, `checked_at` when its tools were last compared with ours.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=16, unique=True)
    url = models.CharField(max_length=500)
    private = models.BooleanField(default=False)
    headers = models.TextField(blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    timeout_s = models.PositiveIntegerField(default=30)
    protocol = models.CharField(max_length=20, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "MCP 服务器 server"
        verbose_name_plural = "MCP 服务器 servers"

    def __str__(self) -> str:
        return self.name

    @property
    def aad(self) -> str:
        """What binds the stored headers to this row."""
        return f"skills.mcpserver|{self.uid}|headers"


class McpTool(models.Model):
    """A tool as it was when somebody looked at it: `sha256` pins name, description, schema and
    annotations.

    `offered` is what the server says now, where that differs (state `changed`). Only `enabled` ones
    are skills.
    """

    STATES: ClassVar = [
        ("new", "待审 new"),
        ("enabled", "启用 enabled"),
        ("disabled", "停用 disabled"),
        ("changed", "已变更 changed"),
        ("gone", "已消失 gone"),
    ]

    server = models.ForeignKey(McpServer, on_delete=models.CASCADE, related_name="tools")
    name = models.CharField(max_length=128)
    skill_name = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=10, choices=STATES, default="new")
    read_only = models.BooleanField(default=False)
    definition = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64)
    offered = models.JSONField(null=True, blank=True)
    offered_sha256 = models.CharField(max_length=64, blank=True)
    reviewed_by = models.CharField(max_length=200, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "MCP 工具 tool"
        verbose_name_plural = "MCP 工具 tools"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["server", "name"], name="one_tool_of_a_name")
        ]

    def __str__(self) -> str:
        return self.skill_name


class PromptSkill(models.Model):
    """A SKILL.md folder as it was imported: `sha256` covers every file in it.

    `body` is what a model is told, `references` the texts that the body names, `files` everything
    that was in the folder (`path`, `size`, `sha256`); scripts are only listed.
    """

    STATES: ClassVar = [
        ("new", "待审 new"),
        ("enabled", "启用 enabled"),
        ("disabled", "停用 disabled"),
    ]

    name = models.CharField(max_length=64, unique=True)
    skill_name = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=10, choices=STATES, default="new")
    description = models.TextField()
    license = models.TextField(blank=True)
    compatibility = models.TextField(blank=True)
    allowed_tools = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    body = models.TextField()
    references = models.JSONField(default=dict, blank=True)
    files = models.JSONField(default=list, blank=True)
    sha256 = models.CharField(max_length=64)
    imported_by = models.CharField(max_length=200, blank=True)
    imported_at = models.DateTimeField(default=timezone.now)
    reviewed_by = models.CharField(max_length=200, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "提示技能 prompt skill"
        verbose_name_plural = "提示技能 prompt skills"

    def __str__(self) -> str:
        return self.name
