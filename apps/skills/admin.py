"""The console's pages of skills that are rows."""

from __future__ import annotations

from apps.skills.admin_mcp import McpServerAdmin, McpToolAdmin
from apps.skills.admin_prompts import PromptSkillAdmin

__all__ = ["McpServerAdmin", "McpToolAdmin", "PromptSkillAdmin"]
