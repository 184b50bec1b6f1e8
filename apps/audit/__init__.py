"""App: the audit log."""
