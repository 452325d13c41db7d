"""Texts as numbers: rows of tokens (`tokenizers`), of sentences (`documents`), of `sparse` terms."""

from jaxmed.data.text import documents, sparse, tokenizers

__all__ = ["documents", "sparse", "tokenizers"]
