"""The project: settings, addresses, the ASGI entrance and the Celery app."""
