#!/usr/bin/env python
"""The one program: every command of ClawdBot is `manage.py COMMAND`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
