"""A person whose programs may ask a model."""

from __future__ import annotations


def caller(base_url: str, model: str, api_key: str) -> str:
    """Add the model and the person; returns the person's token."""
    from apps.accounts import authz, people, tokens
    from apps.audit.log import Actor
    from apps.llm import actions

    actor = Actor.system("benchmark")
    row = actions.add(
        "bench", base_url=base_url, model=model, api_key=api_key, zone="internal", actor=actor
    )
    role = authz.add_role_named("callers", actor)
    authz.allow(role, row.permission, actor)
    person = people.add_person("erp", actor, roles=[role.name])
    return tokens.create(person, "bench", actor)[1]
