"""Replies with the verdict each should get: readable tables, and the scorer that reports on them."""
