"""The frozen checkpoint at work: weights, tokenizer, constrained decoding and the batching engine.

Knows token ids and weights. What a return is, and what may be decided about one, belongs to prompt, grammar, decider.
"""
