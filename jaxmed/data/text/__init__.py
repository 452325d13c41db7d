"""Texts as numbers: tokens (`tokenizers`), sentences (`documents`), terms (`sparse`)."""

from jaxmed.data.text import documents, sparse, tokenizers

__all__ = ["documents", "sparse", "tokenizers"]
