"""Tools of MCP servers as skills: the Model Context Protocol over streamable HTTP, as a client.

Revisions 2026-07-28 (stateless) and 2025-03-26 to 2025-11-25 (`initialize`) are spoken.
"""
