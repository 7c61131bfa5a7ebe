"""Segments to token ids and a loss mask: the one rendering that serving and every training stage share."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from services.inference.prompt import Segment
from services.inference.tokenizer import Tokenizer


@dataclass(frozen=True)
class TokenRow:
    """One training sequence: token ids `[T]`, and for each id whether the loss counts its prediction."""

    ids: tuple[int, ...]
    trained: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.ids)


def tokenize(tokenizer: Tokenizer, segments: Iterable[Segment]) -> TokenRow:
    """Return ids and mask of `segments`. Only control segments may hold the chat format's special tokens."""
    ids: list[int] = []
    trained: list[bool] = []
    for segment in segments:
        piece = _control_ids(tokenizer, segment.text) if segment.control else tokenizer.encode(segment.text)
        ids += piece
        trained += [segment.trained] * len(piece)
    return TokenRow(tuple(ids), tuple(trained))


def prompt_ids(tokenizer: Tokenizer, segments: Iterable[Segment]) -> list[int]:
    return list(tokenize(tokenizer, segments).ids)


@lru_cache(maxsize=64)
def _split_control(text: str) -> tuple[str, ...]:
    """Split a control text into special tokens and the ordinary text between them."""
    pieces: list[str] = []
    rest = text
    while rest:
        start = rest.find("<|")
        if start < 0:
            pieces.append(rest)
            break
        if start:
            pieces.append(rest[:start])
        end = rest.index("|>") + 2
        pieces.append(rest[start:end])
        rest = rest[end:]
    return tuple(pieces)


def _control_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = []
    for piece in _split_control(text):
        ids += [tokenizer.special(piece)] if piece.startswith("<|") else tokenizer.encode(piece)
    return ids
