"""A Whisper model as faster-whisper loads one, a megabyte in size, that has learnt nothing: it always says the same.

Its layers pass on nothing but the place of a token. Each place has a token of its own, and looks at sound of its own.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SIZE: Final = 32
"""Of its layers; and so many tokens it can say."""

MEL_BANDS, ENCODED_FRAMES, TIMESTAMPS, MOST_TOKENS = 80, 1500, 1501, 448
TOKEN_FRAMES: Final = 10
"""Each token looks at so many encoded frames, of 20 ms each, one after the other: that tells when words were said."""

_SURE: Final = 40.0
_SPACE: Final = "\u0120"  # as byte-level tokenizers write it
_SPECIAL: Final = [
    "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
    "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", *(f"<|{0.02 * one:.2f}|>" for one in range(TIMESTAMPS)),
]  # fmt: skip


def make_whisper_model(folder: Path, text: str, begins_s: float, ends_s: float) -> None:
    """Write the files of a model that takes whatever it hears for an English text.

    Args:
        folder: is there.
        text: that it understands: words of letters, none of which begins as another.
        begins_s: when, in seconds, as its timestamps say.
        ends_s: until when.
    """
    tokenizers = importlib.import_module("tokenizers")
    pieces = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    merges = []
    for word in text.split():  # each a token, for a space alone is never said
        before = _SPACE
        for letter in word:
            merges.append((before, letter))
            before += letter
            pieces.append(before)
    tokens = [*pieces, *_SPECIAL]
    vocabulary = {token: number for number, token in enumerate(pieces)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(_SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    spelled = tokenizer.encode(" " + text, add_special_tokens=False).tokens
    said = [f"<|{begins_s:.2f}|>", *spelled, f"<|{ends_s:.2f}|>", "<|endoftext|>"]
    assert len(said) <= SIZE
    _save(folder, tokens, [tokens.index(token) for token in said])


def _save(folder: Path, tokens: list[str], said: list[int]) -> None:
    spec = importlib.import_module("ctranslate2.specs.whisper_spec").WhisperSpec(1, 1, 1, 1)
    for conv, channels in ((spec.encoder.conv1, MEL_BANDS), (spec.encoder.conv2, SIZE)):
        conv.weight, conv.bias = _zeros(SIZE, channels, 3), _zeros(SIZE)
    one_each = np.eye(SIZE, dtype=np.float32)
    places = one_each[np.minimum(np.arange(MOST_TOKENS), len(said) - 1)]
    projection = _zeros(len(tokens), SIZE)
    for place, token in enumerate(said):
        projection[token, place] = _SURE
    spec.encoder.position_encodings.encodings = one_each[
        np.minimum(np.arange(ENCODED_FRAMES) // TOKEN_FRAMES, SIZE - 1)
    ]
    spec.decoder.position_encodings.encodings = places
    spec.decoder.embeddings.weight = _zeros(len(tokens), SIZE)
    spec.decoder.projection.weight = projection
    for part in (spec.encoder, spec.decoder):
        _norm(part.layer_norm)
        for layer in part.layer:
            for attention in filter(None, (layer.self_attention, getattr(layer, "attention", None))):
                _norm(attention.layer_norm)
                _attend(attention.linear)
            _norm(layer.ffn.layer_norm)
            _linear(layer.ffn.linear_0, 4 * SIZE, SIZE)
            _linear(layer.ffn.linear_1, SIZE, 4 * SIZE)
    queries, keys_and_values, _ = spec.decoder.layer[0].attention.linear
    queries.weight, keys_and_values.weight[:SIZE] = one_each, one_each
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.save(str(folder))


def _attend(linear: list[Any]) -> None:
    """Queries, keys and values in one matrix; or queries, then keys and values; and at last what comes of them."""
    sizes = [3, 1] if len(linear) == 2 else [1, 2, 1]
    for one, size in zip(linear, sizes, strict=True):
        _linear(one, size * SIZE, SIZE)


def _linear(linear: Any, outputs: int, inputs: int) -> None:
    linear.weight, linear.bias = _zeros(outputs, inputs), _zeros(outputs)


def _norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(SIZE, dtype=np.float32), _zeros(SIZE)


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)
