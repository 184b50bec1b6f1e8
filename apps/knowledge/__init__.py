"""App: the company's documents, found by what they say and by who asks."""
