"""SKILL.md folders as skills: what they tell a model is reviewed, what they would run never runs."""
