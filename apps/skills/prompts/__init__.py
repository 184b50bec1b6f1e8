"""SKILL.md folders as skills: what they tell a model is reviewed, their scripts never run."""
