"""Which of two classes is the positive one, where the caller has left that open."""

from __future__ import annotations

import logging
from collections.abc import Sequence

_LOGGER = logging.getLogger("jaxmed")


def say_positive(classes: Sequence[str], origin: str) -> None:
    """Say in one line which of two classes was taken as the positive one; else nothing.

    Sensitivity, precision and every threshold are of the class with the last label. Names in
    alphabetical order put `Uninfected` behind `Parasitized`.

    Args:
        classes: in the order of their labels.
        origin: what the order comes from, for the line.
    """
    if len(classes) != 2:
        return
    negative, positive = classes
    _LOGGER.warning(
        "the positive class is %r, the second of %s: pass classes=[%r, %r] for the other order.",
        positive, origin, positive, negative,
    )  # fmt: skip
