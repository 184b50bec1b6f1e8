"""App: people, roles, grants and bindings."""
