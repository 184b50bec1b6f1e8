"""App: the browser chat."""
