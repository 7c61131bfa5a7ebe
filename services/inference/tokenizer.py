"""Text to token ids and back. Knows the special tokens; knows no prompt."""

import json
from collections.abc import Sequence
from pathlib import Path

import tokenizers

END_OF_TURN = "<|im_end|>"
START_OF_TURN = "<|im_start|>"
END_OF_TEXT = "<|endoftext|>"


class TokenizerError(Exception):
    """The tokenizer file is missing, broken or lacks a token the desk needs."""


class Tokenizer:
    """A tokenizer.json at work. Special tokens in a customer's text stay text: only `special` gives their ids."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.json = path.read_text(encoding="utf-8")
            known = json.loads(self.json)
        except OSError as error:
            raise TokenizerError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise TokenizerError(f"{path}: not JSON ({error})") from error
        if not isinstance(known, dict) or not isinstance(known.get("model"), dict):
            raise TokenizerError(f"{path}: not a tokenizer.json (it has no 'model')")
        self._inner = tokenizers.Tokenizer.from_str(self.json)
        self._inner.encode_special_tokens = True
        self.start_id = self.special(START_OF_TURN)
        self.stop_id = self.special(END_OF_TURN)
        self.pad_id = self.special(END_OF_TEXT)

    @property
    def vocab_size(self) -> int:
        return self._inner.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; `<|im_end|>` written in it becomes ordinary letters, never the special token."""
        return self._inner.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, special tokens left out."""
        return self._inner.decode(list(ids), skip_special_tokens=True)

    def special(self, token: str) -> int:
        """Return the id of a special token by its exact name. Raises TokenizerError where the vocabulary lacks it."""
        number = self._inner.token_to_id(token)
        if number is None:
            raise TokenizerError(f"{self.path}: the vocabulary lacks {token}; use a chat model of the SmolLM2 kind")
        return number
