"""Evaluation data with its scorers. Never a source of training data: see design.md rule 10."""
