"""Grammars over token ids: which tokens may come next, and which must. A thin hand on llguidance.

What a grammar says belongs to `grammar`; choosing among the allowed tokens belongs to `engine`.
"""

from typing import Any

import llguidance
import numpy as np

from services.inference.tokenizer import Tokenizer

Ids = np.ndarray[Any, np.dtype[np.int64]]


class GrammarDeadEnd(Exception):
    """The grammar does not compile, or what was written has no lawful continuation."""


class OverLong(Exception):
    """The answer did not end within its limit of tokens."""


class Grammars:
    """Compiles grammars for one tokenizer. The tokenizer's tables are built once (about a second), here."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.stop_id = tokenizer.stop_id
        self._tokens = llguidance.LLTokenizer(tokenizer.json, eos_token=tokenizer.stop_id)

    def compile(self, lark: str) -> "Constraint":
        """Return a fresh constraint for one answer (about a millisecond). Raises GrammarDeadEnd with the reason."""
        matcher = llguidance.LLMatcher(self._tokens, llguidance.LLMatcher.grammar_from_lark(lark), log_level=0)
        if matcher.is_error():
            raise GrammarDeadEnd(f"grammar: {_first_line(matcher)}")
        return Constraint(matcher, self.stop_id, self._tokens.vocab_size)


class Constraint:
    """The grammar's state in the middle of one answer. Every method may raise GrammarDeadEnd."""

    def __init__(self, matcher: llguidance.LLMatcher, stop_id: int, vocab_size: int) -> None:
        self._matcher, self._stop_id, self._vocab_size = matcher, stop_id, vocab_size

    @property
    def finished(self) -> bool:
        """Tell whether the answer is complete and nothing but the stop token could follow."""
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        """Return the tokens that must come next, whatever the model thinks, and step over them."""
        tokens = list(self._matcher.compute_ff_tokens())
        if tokens and not self._matcher.consume_tokens(tokens):
            raise GrammarDeadEnd(_first_line(self._matcher))
        return tokens

    def allowed(self) -> Ids:
        """Return the ids that may come next, ascending; the stop id is among them where the answer may end here."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            raise GrammarDeadEnd(_first_line(self._matcher))
        ids = np.flatnonzero(np.unpackbits(bits, count=self._vocab_size, bitorder="little"))
        if len(ids) == 0:
            raise GrammarDeadEnd("no token may follow what was written")
        return ids

    def accept(self, token: int) -> None:
        """Step over a chosen token. The stop token ends the answer."""
        if not self._matcher.consume_token(token):
            raise GrammarDeadEnd(_first_line(self._matcher))


def _first_line(matcher: llguidance.LLMatcher) -> str:
    return str(matcher.get_error()).strip().split("\n", 1)[0] or "the grammar refused a token"
