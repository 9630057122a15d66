# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the demo model: a real GGUF file of the architecture ``llama`` with random weights.

It answers every prompt with random words, loads in a fraction of a second and needs no download, which is all that
a first run and the tests ask of a model. The same seed gives the same bytes.

Needs ``gguf==0.19.0`` and ``numpy==2.4.6`` (the versions that made ``demo.gguf``).

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np

SEED = 20260101
WIDTH = 64
LAYERS = 2
HEAD_WIDTH = 32
CONTEXT = 2048
CONTROL_TOKENS = ("<unk>", "<s>", "</s>")
END_TOKEN = 2
FIRST_WORD = len(CONTROL_TOKENS) + 256
WORD_DIMENSION = 0
WORD_CLARITY = 2
END_EAGERNESS = 5.0
WORDS = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which"
    " one you were her all she there would their we him been has when who will more no if out so said what up its"
).split()


def vocabulary() -> list[tuple[str, float, int]]:
    """Tokens of a SentencePiece vocabulary as (text, score, type): control, one per byte, then some words."""
    kinds = gguf.TokenType
    tokens = [(text, 0.0, int(kinds.UNKNOWN if text == "<unk>" else kinds.CONTROL)) for text in CONTROL_TOKENS]
    tokens += [(f"<0x{byte:02X}>", 0.0, int(kinds.BYTE)) for byte in range(256)]
    tokens += [(f"\u2581{word}", -float(rank), int(kinds.NORMAL)) for rank, word in enumerate(WORDS, start=1)]
    return tokens


def tensors(seed: int, tokens: int, width: int = WIDTH, layers: int = LAYERS) -> Iterator[tuple[str, np.ndarray]]:
    """Names and values of all tensors; norms are 32-bit floats, the random weights 16-bit."""
    rng = np.random.default_rng(seed)
    feed_forward = 2 * width

    def weights(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape, dtype=np.float32) / np.sqrt(np.float32(width))).astype(np.float16)

    # Else nearly every token of an answer would be a byte, most of them unprintable.
    output = weights(tokens, width) * np.float16(WORD_CLARITY)
    output[:FIRST_WORD] = 0

    # One dimension tells words from bytes, and the end token listens to it alone: answers end by themselves, but
    # none is empty, since a prompt ends in a byte token.
    embedding = weights(tokens, width)
    embedding[:, WORD_DIMENSION] = -1
    embedding[FIRST_WORD:, WORD_DIMENSION] = 1
    output[END_TOKEN, WORD_DIMENSION] = END_EAGERNESS

    def undisturbed(values: np.ndarray) -> np.ndarray:
        values[WORD_DIMENSION] = 0
        return values

    ones = np.ones(width, dtype=np.float32)
    yield "token_embd.weight", embedding
    yield "output_norm.weight", ones
    yield "output.weight", output
    for layer in range(layers):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", ones
        for part in ("attn_q", "attn_k", "attn_v"):
            yield f"{block}.{part}.weight", weights(width, width)
        yield f"{block}.attn_output.weight", undisturbed(weights(width, width))
        yield f"{block}.ffn_norm.weight", ones
        yield f"{block}.ffn_gate.weight", weights(feed_forward, width)
        yield f"{block}.ffn_up.weight", weights(feed_forward, width)
        yield f"{block}.ffn_down.weight", undisturbed(weights(width, feed_forward))


def write_model(path: Path, seed: int = SEED, width: int = WIDTH, layers: int = LAYERS) -> None:
    """Write the model made from ``seed`` to ``path``.

    Args:
        path: The GGUF file to write; an existing one is replaced.
        seed: Seed of the random weights; another seed gives another model of the same size.
        width: Width of each layer, a multiple of 32; tests make models that are wider.
        layers: How many layers.
    """
    tokens = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("llmops-tenancy-demo")
    writer.add_description(f"Random weights from seed {seed}, for a first run and for tests: it answers random words")
    writer.add_license("GPL-3.0-or-later")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(width // HEAD_WIDTH)
    writer.add_head_count_kv(width // HEAD_WIDTH)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _score, _kind in tokens])
    writer.add_token_scores([score for _text, score, _kind in tokens])
    writer.add_token_types([kind for _text, _score, kind in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END_TOKEN)
    for name, values in tensors(seed, len(tokens), width, layers):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Write the model that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("demo.gguf"))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--layers", type=int, default=LAYERS)
    options = parser.parse_args()
    write_model(options.output, options.seed, options.width, options.layers)


if __name__ == "__main__":
    main()
