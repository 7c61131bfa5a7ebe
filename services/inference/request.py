"""One request on its way through the engine: its ids, its cache, its grammar, and how its next token is chosen.

Knows nothing of other requests: what a request gets must not depend on its company.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from services.inference.attention import KVCache
from services.inference.constrain import Constraint, GrammarDeadEnd, Ids, OverLong
from services.inference.prefix import Segment, cut
from services.inference.steps import StepsConstraint


class PromptTooLong(Exception):
    """Prompt and answer together exceed the positions the model was made for."""


@dataclass
class Session:
    """A finished answer's ids and cache, for a request that goes on from them (reply after decide).

    Good for one request, which writes into the cache; a second one finds it taken and reads its prompt again.
    """

    ids: tuple[int, ...]
    cache: KVCache | None

    def take(self, prompt: Sequence[int]) -> KVCache | None:
        """Give the cache away, cut back to what its ids share with `prompt`; None where it was taken before."""
        cache, self.cache = self.cache, None
        if cache is not None:
            pairs = zip(self.ids, prompt, strict=False)
            shared = next((i for i, (mine, theirs) in enumerate(pairs) if mine != theirs), len(self.ids))
            # The last token of the prompt always runs: its hidden state makes the first choice.
            cache.length = min(shared, len(prompt) - 1)
        return cache


@dataclass(frozen=True)
class GenerationRequest:
    """What to continue. `boundaries` are positions in the prompt where a part ends that other prompts share.

    `constraint` gives a fresh grammar state; without one the answer is free text. Temperature 0 takes the best token;
    above 0 it is drawn with `seed`. `session` goes on from an earlier answer: the prompt then begins with its ids.
    """

    prompt: Sequence[int]
    boundaries: Sequence[int] = ()
    constraint: Callable[[], Constraint | StepsConstraint] | None = None
    max_new_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    session: Session | None = None


@dataclass(frozen=True)
class GenerationResult:
    """The answer's ids without the stop token. `chosen` are the positions in `ids` that the model chose.

    `error` is GrammarDeadEnd, OverLong or PromptTooLong, and then `ids` is what was written until then, for the record
    only. Times in milliseconds from submission: `ttft_ms` to the first chosen token, `latency_ms` to the end.
    `computed_tokens` ran through the model, `cached_tokens` were found in a cache.
    """

    ids: tuple[int, ...]
    chosen: tuple[int, ...]
    prompt_tokens: int
    computed_tokens: int
    cached_tokens: int
    ttft_ms: float
    latency_ms: float
    error: Exception | None
    session: Session | None
    steps: tuple[str, ...] = ()
    """Of an answer made of steps (`steps.StepsConstraint`), what was chosen in each."""
    sureness: tuple[float, ...] = ()
    """And how surely: the least probability of a choice, among what was allowed there, in (0, 1]."""


@dataclass
class Running:
    """The state of one request. `ids` is prompt and answer; what `cache` does not yet hold is still to be run."""

    request: GenerationRequest
    stop_id: int
    cache: KVCache
    submitted: float
    ids: list[int] = field(init=False)
    chosen: list[int] = field(default_factory=list)
    segments: list[Segment] = field(init=False)
    constraint: Constraint | StepsConstraint | None = None
    options: Ids | None = None
    finished: bool = False
    error: Exception | None = None
    first_choice: float | None = None
    cached: int = 0
    computed: int = 0
    guess: list[int] = field(default_factory=list)
    """Tokens run after `ids` in the hope that they will be chosen; what they were not is run for nothing."""

    def __post_init__(self) -> None:
        self.ids = list(self.request.prompt)
        self.segments = cut(self.ids, self.request.boundaries)
        self.random = torch.Generator().manual_seed(self.request.seed)

    @property
    def pending(self) -> list[int]:
        return self.ids[self.cache.length :]

    @property
    def answer(self) -> list[int]:
        return self.ids[len(self.request.prompt) :]

    def begin(self, max_positions: int) -> None:
        """Compile the grammar and append what it forces before the model has a say."""
        if len(self.ids) + self.request.max_new_tokens > max_positions:
            needed = f"{len(self.ids)} prompt and {self.request.max_new_tokens} answer tokens"
            self._fail(PromptTooLong(f"{needed} exceed the model's {max_positions} positions"))
            return
        try:
            self.constraint = self.request.constraint() if self.request.constraint else None
            self._step_over_forced()
        except (GrammarDeadEnd, OverLong) as error:
            self._fail(error)

    def choose(self, logits: Tensor) -> None:
        """Take the next token from `logits` over `options` (over the whole vocabulary where there are none)."""
        if self.first_choice is None:
            self.first_choice = time.monotonic()
        if isinstance(self.constraint, StepsConstraint) and (added := self.constraint.leanings()) is not None:
            logits = logits + torch.from_numpy(added).to(logits)
        place = int(logits.argmax()) if self.request.temperature == 0 else self._draw(logits)
        if isinstance(self.constraint, StepsConstraint):
            self.constraint.note(float((logits[place] - logits.logsumexp(-1)).exp()))
        token = place if self.options is None else int(self.options[place])
        try:
            self._append(token)
        except (GrammarDeadEnd, OverLong) as error:
            self._fail(error)

    def guess_ahead(self, most: int) -> None:
        """Guess what will follow the ids that are to be run."""
        self.guess = self.constraint.likely(most) if isinstance(self.constraint, StepsConstraint) and most > 0 else []

    def confirm(self, known: int) -> int:
        """Compare the guess with what was appended to the first `known` ids; return how far the next choice lies on.

        That is 0 where the next choice cannot be made yet: the cache is then cut back to what was guessed right.
        """
        written = self.ids[known:]
        pairs = zip(written, self.guess, strict=False)
        right = next(
            (i for i, (mine, guessed) in enumerate(pairs) if mine != guessed), min(len(written), len(self.guess))
        )
        if right == len(written) and not self.finished:
            del self.guess[:right]
            return right
        self.cache.length = known + right
        self.guess = self.guess[right:]
        return 0

    def result(self, now: float, keep_session: bool) -> GenerationResult:
        self.cache.length = min(self.cache.length, len(self.ids))
        session = Session(tuple(self.ids[: self.cache.length]), self.cache) if keep_session and not self.error else None
        return GenerationResult(
            ids=tuple(self.answer),
            chosen=tuple(self.chosen),
            prompt_tokens=len(self.request.prompt),
            computed_tokens=self.computed,
            cached_tokens=self.cached,
            ttft_ms=((self.first_choice or now) - self.submitted) * 1000,
            latency_ms=(now - self.submitted) * 1000,
            error=self.error,
            session=session,
            steps=tuple(self.constraint.chosen) if isinstance(self.constraint, StepsConstraint) else (),
            sureness=tuple(self.constraint.sureness) if isinstance(self.constraint, StepsConstraint) else (),
        )

    def _draw(self, logits: Tensor) -> int:
        odds = torch.softmax(logits.float().cpu() / self.request.temperature, -1)
        return int(torch.multinomial(odds, 1, generator=self.random))

    def _append(self, token: int) -> None:
        if token == self.stop_id:
            if isinstance(self.constraint, StepsConstraint):
                self.constraint.stop()
            self.finished = True
            return
        self.chosen.append(len(self.ids) - len(self.request.prompt))
        self.ids.append(token)
        if self.constraint is not None:
            self.constraint.accept(token)
            self._step_over_forced()
        self._check_length()

    def _step_over_forced(self) -> None:
        """Append all that the grammar leaves no choice about, then note what the model may choose from."""
        while self.constraint is not None and not self.finished:
            self.ids += self.constraint.forced()
            self._check_length()
            if self.constraint.finished:
                self.finished = True
                return
            self.options = self.constraint.allowed()
            if len(self.options) > 1:
                return
            only = int(self.options[0])
            if only == self.stop_id:
                self.finished = True
                return
            self.constraint.accept(only)
            self.ids.append(only)

    def _check_length(self) -> None:
        if len(self.answer) > self.request.max_new_tokens:
            raise OverLong(f"the answer exceeds {self.request.max_new_tokens} tokens")

    def _fail(self, error: Exception) -> None:
        self.error, self.finished = error, True
