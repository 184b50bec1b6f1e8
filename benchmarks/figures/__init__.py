"""The figures: each module measures one thing on all systems of a run."""
