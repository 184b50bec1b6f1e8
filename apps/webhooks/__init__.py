"""App: webhook ingress."""
