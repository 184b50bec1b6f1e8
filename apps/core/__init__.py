"""App: foundations."""
