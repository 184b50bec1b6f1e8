"""App: the skills."""
