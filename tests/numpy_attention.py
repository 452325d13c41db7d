"""Attention and what stands around it, in NumPy and float64, one query and one head at a time."""

from __future__ import annotations

import math

import numpy as np


def attention(x, params, heads, *, position=lambda vector, place: vector):
    """Self-attention of one sequence [time, width] without padding: outputs and weights.

    `position` is applied to the query and the key of each head and place.
    """
    query, key, value = np.split(dense(x, params["query_key_value"]), 3, axis=-1)
    width = x.shape[1] // heads
    mixed, weights = np.zeros_like(x), np.zeros((heads, len(x), len(x)))
    for head in range(heads):
        at = slice(head * width, (head + 1) * width)
        for t in range(len(x)):
            asked = position(query[t, at], t)
            scores = [asked @ position(key[s, at], s) / math.sqrt(width) for s in range(len(x))]
            weights[head, t] = np.exp(scores) / np.exp(scores).sum()
            mixed[t, at] = sum(weights[head, t, s] * value[s, at] for s in range(len(x)))
    return dense(mixed, params["output"]), weights


def transformer_layer(x, params, heads, **options):
    """Outputs and weights of the attention."""
    seen, weights = attention(
        norm(x, params["attention_norm"]), params["attention"], heads, **options
    )
    x = x + seen
    hidden = gelu(dense(norm(x, params["hidden_norm"]), params["hidden"]))
    return x + dense(hidden, params["output"]), weights


def rotated(vector, place):
    """Each pair of coordinates as a complex number, times exp(i angle)."""
    half = len(vector) // 2
    angles = place / 10_000 ** (2 * np.arange(half) / len(vector))
    pairs = (vector[:half] + 1j * vector[half:]) * np.exp(1j * angles)
    return np.concatenate([pairs.real, pairs.imag])


def dense(x, params):
    return x @ params["kernel"] + params["bias"]


def norm(x, params):
    """Layer normalization."""
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * params["scale"] + params["bias"]


def gelu(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
