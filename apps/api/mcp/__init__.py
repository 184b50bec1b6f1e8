"""Our skills for MCP clients: streamable HTTP under `/mcp/`, without sessions.

Any web process answers any request: a token says who asks, and nothing is kept in between.
"""
