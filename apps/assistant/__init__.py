"""App: messages, jobs and approvals."""
