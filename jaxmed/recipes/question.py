"""What a column of labels asks: one of two classes, one of several, or a number; and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.groups import normalized
from jaxmed.data.tables.columns import categories_of, is_number

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("classes", "number")
_MOST_WHOLE = 10  # different whole numbers that are still classes
_MOST_CLASSES = 50
_ABSENT = (
    *("0", "0.0", "no", "n", "false", "f", "negative", "neg", "absent", "normal", "healthy"),
    *(
        "alive",
        "survived",
        "benign",
        "control",
        "censored",
        "none",
        "without",
        "well",
        "uninfected",
    ),
)
_PRESENT = (
    *("1", "1.0", "yes", "y", "true", "t", "positive", "pos", "present", "abnormal", "ill"),
    *("sick", "diseased", "died", "dead", "malignant", "case", "event", "with", "infected"),
)


@dataclasses.dataclass(frozen=True)
class Question:
    """What is predicted.

    Attributes:
        classes: in the order of their labels, of two the positive one last; empty for a number.
        why: it was decided so, one sentence.
    """

    classes: tuple[str, ...]
    why: str

    @property
    def is_number(self) -> bool:
        """Whether a number is predicted."""
        return not self.classes


def question_of(
    cells: pd.Series[Any], *, kind: str | None = None, positive: str | None = None
) -> Question:
    """The question of a column of labels.

    Args:
        cells: of text, all rows.
        kind: "classes" or "number", where it is not to be decided.
        positive: the positive one of two classes, where it is not to be decided.

    Raises:
        ValueError: A label is missing, there is one class only, or too many.
    """
    if kind is not None:
        checks.known("question", kind, KINDS)
    words = categories_of(cells)
    wrong = np.flatnonzero(words == "")
    if wrong.size:
        raise ValueError(
            f"label {cells.name!r} is missing in {contract.list_rows(wrong)} ({wrong.size:,} of "
            f"{len(words):,}): fill it in, or leave those rows out."
        )
    found, found_counts = np.unique(words, return_counts=True)
    different, counts = found.tolist(), found_counts.tolist()
    if len(different) == 1:
        raise ValueError(
            f"label {cells.name!r} is {different[0]!r} in all {len(words):,} rows, but must hold "
            "two classes or more, or different numbers."
        )
    numbers = [is_number(word) for word in different]
    if kind == "number" and not all(numbers):
        word = different[numbers.index(False)]
        raise ValueError(f"label {cells.name!r} holds {word!r}, which is no number: write numbers.")
    if (kind or _kind(different, all(numbers))) == "number":
        if positive is not None:
            raise ValueError(f"positive is {positive!r}, but {cells.name!r} holds numbers.")
        return Question((), f"{cells.name!r} is a number: {len(different):,} different values.")
    if len(different) > _MOST_CLASSES:
        raise ValueError(
            f"label {cells.name!r} has {len(different):,} different words, more than "
            f"{_MOST_CLASSES}: name a column with fewer classes, or with numbers only."
        )
    order = sorted(different, key=float) if all(numbers) else different
    if len(order) > 2:
        if positive is not None:
            raise ValueError(
                f"positive is {positive!r}, but {cells.name!r} has {len(order)} classes: leave it "
                "out; each is measured against the rest."
            )
        why = f"{cells.name!r} has {len(order)} different values, so it is one of several classes."
        return Question(tuple(order), why)
    first, why = _positive(dict(zip(different, counts, strict=True)), positive)
    pair = tuple(sorted(order, key=lambda word: word == first))
    return Question(pair, f"{cells.name!r} has two classes; {first!r} is the positive one{why}.")


def class_order(names: Sequence[str], counts: Sequence[int], positive: str | None) -> Question:
    """The order of classes that are folders, of two the positive one last.

    Args:
        names: of the folders.
        counts: of their files.
        positive: the positive one, where it is not to be decided.
    """
    if len(names) != 2:
        if positive is not None:
            raise ValueError(f"positive is {positive!r}, but there are {len(names)} classes.")
        return Question(tuple(names), f"The {len(names)} folders are the classes.")
    first, why = _positive(dict(zip(names, counts, strict=True)), positive)
    pair = tuple(sorted(names, key=lambda word: word == first))
    return Question(pair, f"The two folders are the classes; {first!r} is the positive one{why}.")


def _kind(different: Sequence[str], numbers: bool) -> str:
    if not numbers or len(different) == 2:
        return "classes"
    whole = all(float(word).is_integer() for word in different)
    return "classes" if whole and len(different) <= _MOST_WHOLE else "number"


def _positive(counts: dict[str, int], asked: str | None) -> tuple[str, str]:
    """The positive one of two classes, and why."""
    if asked is not None:
        checks.text("positive", asked)
        checks.known("positive", normalized(asked), counts)
        return normalized(asked), ", as asked"
    for known, of_positive in ((_ABSENT, False), (_PRESENT, True)):
        named = [word for word in counts if word.casefold() in known]
        if len(named) == 1:
            (other,) = [word for word in counts if word != named[0]]
            return (named[0] if of_positive else other), ", by its name"
    rarer = min(sorted(counts, reverse=True), key=lambda word: counts[word])
    return rarer, ", because it is rarer (name another with positive)"
