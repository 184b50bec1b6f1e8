"""AgentDojo against our own way of a message, with a model that obeys whatever it reads.

`python -m benchmarks.agentdojo [--suite NAME] [--pairs N]` after `make agentdojo`; the figures are
in docs/security.md. What is measured is the guard, not a model: the model stands in for the worst
one there can be. It proposes the right steps for the user's words, and from the moment at which it
is shown an injection it does whatever that wants: it gives the attacker's values wherever it is
asked for a value, and calls the attacker's tools although none were offered.
"""
