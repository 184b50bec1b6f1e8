"""App configuration: the skills."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class SkillsConfig(AppConfig):
    """Registers the skills with Django."""

    name = "apps.skills"
    verbose_name = "技能 Skills"

    def ready(self) -> None:
        """Have the skills checked with everything else."""
        from apps.skills.checks import check_skills

        register(check_skills)
