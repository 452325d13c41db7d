"""Evaluation above the waist: predictions of a Task, exact statistics of them, their intervals."""

from jaxmed.evaluation import bootstrap, delong, evaluate, statistics

__all__ = ["bootstrap", "delong", "evaluate", "statistics"]
