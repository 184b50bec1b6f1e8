"""App: schedules."""
