"""Versioned policy text and its pure reader. Imports the standard library, pydantic and the CEL evaluator only."""

from policies.in_force import all_in_force, in_force
from policies.model import PolicyVersion, ToolGrant
from policies.vocabulary import MONEY_TOOLS, Reason, ToolName

__all__ = ["MONEY_TOOLS", "PolicyVersion", "Reason", "ToolGrant", "ToolName", "all_in_force", "in_force"]
