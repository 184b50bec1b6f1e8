"""App: the REST API."""
