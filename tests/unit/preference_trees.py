"""Preference pairs of the reward worlds as token trees, without the seed's banks."""

from lifecycle.examples import TokenTree
from services.inference.prompt import CaseView, prompt_segments, reply_segments
from services.inference.tokens import tokenize
from tests.unit.reward_world import reward_worlds, word_tokenizer


def reward_trees() -> list[TokenTree]:
    """Return eight pairs: a short reply is preferred to one that promises."""
    tokenizer = word_tokenizer()
    trees = []
    for world in reward_worlds():
        case = world.cases[0]
        shared = prompt_segments(CaseView(world.evidence(case)))
        sides = [case.reply or "", "Whatever you like, no question asked."]
        rows = [tokenize(tokenizer, shared[:-1])]
        rows += [tokenize(tokenizer, [shared[-1], *reply_segments(side)]) for side in sides]
        trees.append(TokenTree(tuple(rows), (None, 0, 0)))
    return trees
