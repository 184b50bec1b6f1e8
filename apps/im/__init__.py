"""App: bots and deliveries."""
