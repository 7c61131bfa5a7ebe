"""What a checkpoint weighs: weights and cache by formula, and how many requests fit into a given memory.

Arithmetic on a configuration; it loads nothing. What a loaded process really takes is measured by the command.
"""

from dataclasses import dataclass

from services.inference.llama import LlamaConfig

MIB = 1024 * 1024
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# The interpreter with torch, tokenizers and llguidance, before any weight: measured on Linux x86-64.
RUNTIME_BYTES = 420 * MIB


@dataclass(frozen=True)
class Footprint:
    """Bytes by formula. `request_bytes` is the cache of one request of `request_tokens` tokens."""

    parameters: int
    weight_bytes: int
    kv_bytes_per_token: int
    request_tokens: int
    request_bytes: int
    step_bytes: int

    def requests_within(self, memory_bytes: int, prefix_bytes: int = 0) -> int:
        """Return how many requests run at once in `memory_bytes`, beside weights, runtime and the prefix cache."""
        left = memory_bytes - RUNTIME_BYTES - self.weight_bytes - self.step_bytes - prefix_bytes
        return max(left // self.request_bytes, 0)


def footprint(config: LlamaConfig, dtype: str, request_tokens: int, step_tokens: int, int8: bool = False) -> Footprint:
    """Return what a model of this shape takes, its numbers stored as `dtype` (`int8`: projections in one byte).

    weights: layers * (attention + SwiGLU + norms) + embeddings; cache: 2 * layers * kv_heads * head_dim * tokens.
    """
    size = _BYTES[dtype]
    parameters = config.parameter_count()
    weights = parameters * size
    if int8:
        # Projections lose their floats; the head gains an eight-bit copy beside the table that embeds tokens.
        table = config.vocab_size * config.hidden_size
        tables = table if config.tie_word_embeddings else 2 * table
        weights = (parameters - tables) + tables * size + table
    per_token = config.kv_values_per_token() * size
    # The widest moment of a step: gate and up beside their product, and the residual around them.
    widest = 3 * config.intermediate_size + 4 * config.hidden_size
    return Footprint(
        parameters=parameters,
        weight_bytes=weights,
        kv_bytes_per_token=per_token,
        request_tokens=request_tokens,
        request_bytes=per_token * request_tokens,
        step_bytes=step_tokens * widest * size,
    )
