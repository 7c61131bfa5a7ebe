"""Seed data: hand-written banks of clauses, messages and replies, and the generator that makes cases of them."""
