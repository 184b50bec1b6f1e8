#!/usr/bin/env python
"""The one program: every command of ClawdBot is `manage.py COMMAND`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting that we refuse: its text has the name, the cause and the mend.
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
