"""The Chat Completions wire: requests, streams, answers and errors of every provider."""
