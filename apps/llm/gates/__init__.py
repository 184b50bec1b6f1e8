"""The gate before each model: who may call it now, decided in one place for all processes.

A gate is a bucket of calls per second, the places of calls that are under way, the line of those
who wait, and a breaker. Two stores keep gates under one promise: Redis, and the database for the
time when Redis is away. Times are by the store's clock.
"""
