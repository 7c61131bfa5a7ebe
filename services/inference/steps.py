"""A constraint made of steps: copied text, then one of a few choices, and so on. What most answers of the desk are.

Does for such answers what `constrain` does for any grammar, without compiling one; the engine sees no difference.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from services.inference.constrain import GrammarDeadEnd, Ids
from services.inference.prompt import Step
from services.inference.tokenizer import Tokenizer

Leaning = Callable[[Sequence[str]], Mapping[str, float]]
"""Given the choices made so far, what to add to the logit of each first word of the next step; "" is any other word."""


class StepsConstraint:
    """The state in the middle of one answer; `chosen` are the choices made so far, one a finished step.

    `sureness` goes beside them: the least probability at which the model made a choice of that step, in (0, 1].

    Only in the last step may one choice begin another; the stop token then tells them apart.

    `guesses`, one for each of the first steps, say what will probably be chosen: they save time and decide nothing.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        tokenizer: Tokenizer,
        leaning: Leaning | None = None,
        guesses: Sequence[str] = (),
    ) -> None:
        self._steps, self._tokenizer, self._leaning, self._guesses = steps, tokenizer, leaning, guesses
        self._place = -1
        self._asked: tuple[int, Mapping[str, float]] = (-1, {})
        self._open: list[tuple[str, list[int]]] = []
        self._written = 0
        self._least = 1.0
        self.chosen: list[str] = []
        self.sureness: list[float] = []
        self.finished = False

    def forced(self) -> list[int]:
        """Return the tokens that must come next, whatever the model thinks, and step over them."""
        tokens: list[int] = []
        while not self.finished:
            if not self._open:
                tokens += self._next_step()
                continue
            following = {ids[self._written] if self._written < len(ids) else None for _, ids in self._open}
            if len(following) > 1:
                break
            token = following.pop()
            if token is None:
                self._close(self._open[0][0])
            else:
                self._written += 1
                tokens.append(token)
        return tokens

    def allowed(self) -> Ids:
        """Return the ids that may come next, ascending; the stop id where the answer may end here."""
        ids = {i[self._written] if self._written < len(i) else self._tokenizer.stop_id for _, i in self._open}
        if not ids:
            raise GrammarDeadEnd("no token may follow what was written")
        return np.array(sorted(ids), dtype=np.int64)

    def accept(self, token: int) -> None:
        """Step over a chosen token."""
        self._open = [
            (text, ids) for text, ids in self._open if self._written < len(ids) and ids[self._written] == token
        ]
        if not self._open:
            raise GrammarDeadEnd(f"token {token} begins none of the choices")
        self._written += 1

    def leanings(self) -> NDArray[np.float32] | None:
        """Return what to add to the logits of `allowed`, in its order; None where nothing speaks for any of them."""
        if self._written or not self._open or not (words := self._words()):
            return None
        added = {ids[0]: words.get(text.split()[0], words.get("", 0.0)) for text, ids in self._open}
        return np.array([added[token] for token in sorted(added)], np.float32)

    def note(self, probability: float) -> None:
        """Remember how sure the model was of the token it is about to choose, among those that may come."""
        self._least = min(self._least, probability)

    def stop(self) -> None:
        """End the answer at the choice that is complete here: the model chose the stop token."""
        self._close(next(text for text, ids in self._open if len(ids) == self._written))

    def likely(self, most: int) -> list[int]:
        """Return at most so many tokens that will probably follow where a choice is open: the guesses, the leaning."""
        tokens: list[int] = []
        for place in range(self._place, len(self._steps)):
            text = self._guesses[place] if place < len(self._guesses) else self._leant(place)
            if text is None or len(tokens) >= most:
                break
            guess = self._tokenizer.encode(text)
            if place > self._place:
                tokens += self._tokenizer.encode(self._steps[place][0])
            elif any(ids == guess for _, ids in self._open):
                guess = guess[self._written :]
            else:  # What is written already tells that the guess was wrong; any open choice may be right.
                guess = self._open[0][1][self._written :]
            tokens += guess
        return tokens[:most]

    def _leant(self, place: int) -> str | None:
        """Return the word that most speaks for in the step where a choice is open."""
        if place != self._place or not (words := self._words()):
            return None
        return max(words, key=words.__getitem__) or None

    def _words(self) -> Mapping[str, float]:
        """Return what the leaning says of this step; it is asked once a step."""
        if self._leaning is None:
            return {}
        if self._asked[0] != self._place:
            self._asked = (self._place, self._leaning(self.chosen))
        return self._asked[1]

    def _next_step(self) -> list[int]:
        self._place += 1
        copied, choices = self._steps[self._place]
        self._open = [(choice, self._tokenizer.encode(choice)) for choice in choices]
        self._written = 0
        return self._tokenizer.encode(copied)

    def _close(self, choice: str) -> None:
        self.chosen.append(choice)
        self.sureness.append(self._least)
        self._least = 1.0
        self._open = []
        self.finished = self._place + 1 == len(self._steps)
