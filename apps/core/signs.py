"""Signs of life within a process. Knows no models, because it is imported before they can be."""

from __future__ import annotations

from django.dispatch import Signal

#: Sent by workers and beat whenever they got on with their round, however it went: to whoever
#: watches over this process, without the database.
looked = Signal()
