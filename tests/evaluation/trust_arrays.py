"""Logits and labels of PneumoniaMNIST, and what other packages say of them."""

from __future__ import annotations

import json

import numpy as np


def softmax(logits):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def pneumonia(folder):
    """Labels and probabilities of validation and test, by NumPy."""
    with np.load(folder / "trust_reference.npz") as file:
        return {
            split: (file[f"{split}_labels"], softmax(file[f"{split}_logits"]))
            for split in ("val", "test")
        }


def reference(folder):
    return json.loads((folder / "trust_reference.json").read_text(encoding="utf-8"))
