"""Explanations of what a model predicts, and tests of whether they are faithful."""

from jaxmed.explain.agreement import Agreement, agreement, rank_correlation

__all__ = ["Agreement", "agreement", "rank_correlation"]
