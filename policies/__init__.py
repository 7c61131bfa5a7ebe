"""Versioned policy text and its pure reader. Imports the standard library, pydantic, PyYAML and the CEL evaluator."""

from policies.in_force import all_in_force, in_force
from policies.model import PolicyVersion, ToolGrant
from policies.vocabulary import MONEY_TOOLS, Reason, ToolName, Truth

__all__ = ["MONEY_TOOLS", "PolicyVersion", "Reason", "ToolGrant", "ToolName", "Truth", "all_in_force", "in_force"]
