"""Eight short cases on one clause, and a tiny model whose tokenizer knows their words: rewards in milliseconds."""

import json
import tempfile
from datetime import date
from pathlib import Path

import tokenizers
import torch
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

from lifecycle.examples import ExampleCase, World
from policies import Reason
from policies.plain_text import plain_text_version
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome, Truth
from services.domain.facts import OrderFacts
from services.inference.checkpoint import save_model, seal
from services.inference.llama import LlamaConfig
from services.inference.prompt import SYSTEM
from services.inference.tokenizer import Tokenizer
from services.inference.weights import random_model
from tests.unit.inference_tiny import SPECIALS

CLAUSE = "Damaged goods go back."
WORDS = [
    SYSTEM, CLAUSE, *Reason, *Outcome,
    "A P-7 A1 none conflict not stated = eligible A create_return_label request_photos",
    "damaged is true: true yes damaged is false: null unknown no item fits: lamp damaged: false damaged: null",
    "Thank you for your message. We have read it under P-7.", "no action succeeded Facts Message Lamp broke.",
]  # fmt: skip


def reward_worlds(count: int = 8) -> list[World]:
    return [_world(number, (False, False, None, True)[number % 4]) for number in range(count)]


def reward_checkpoint(root: Path) -> Path:
    """Seal a random model of 18,000 weights beside a tokenizer that writes a whole answer in some ten tokens."""
    text = word_tokenizer_json()
    size = len(json.loads(text)["model"]["vocab"])
    model = random_model(LlamaConfig(size, 32, 64, 2, 4, 2, 8, max_position_embeddings=1024), 3)
    with torch.no_grad():
        model.embedding.weight.mul_(20)  # Fresh embeddings are so small that no token could ever be likely.
    return seal(root, "tiny", "model", lambda folder: save_model(model, folder, text))


def word_tokenizer_json() -> str:
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = [AddedToken(one, special=True) for one in SPECIALS]
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=alphabet, special_tokens=special, show_progress=False
    )
    made.train_from_iterator(WORDS * 5, trainer)
    return made.to_str()


def word_tokenizer() -> Tokenizer:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_text(word_tokenizer_json(), encoding="utf-8")
        return Tokenizer(path)


def _world(number: int, damaged: bool | None) -> World:
    policy = plain_text_version("P-7", "1", CLAUSE)
    outcome = {True: Outcome.ELIGIBLE, False: Outcome.NOT_ELIGIBLE, None: Outcome.REVIEW}[damaged]
    result = {True: Truth.YES, False: Truth.NO, None: Truth.UNKNOWN}[damaged]
    asked = FactTest(fact="damaged", relation="is", wanted=True, actual=damaged, result=result)
    reading = ClauseReading(policy_id="P-7", evidence=CLAUSE, conditions=(Condition(any_of=(asked,)),))
    decision = Decision(
        reason=Reason.DAMAGED, policy_id="P-7", policy_version="1", evidence=CLAUSE, outcome=outcome,
        readings=(reading,),
    )  # fmt: skip
    case = ExampleCase(
        message=f"Lamp {number} broke.",
        decision=decision,
        reply="Thank you for your message. We have read it under P-7.",
        provenance={"made": "by hand"},
    )
    facts = OrderFacts(values={"order_id": f"A{number}", "item": "lamp", "damaged": damaged})
    return World(id=f"w{number}", policies=(policy,), facts=facts, asked_on=date(2025, 1, 1), cases=(case,))
