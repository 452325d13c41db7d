"""Names and numbers as plots print them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jaxmed import checks


def plain(text: str, *, max_length: int = 34) -> str:
    r"""A name from outside that is safe to print: no TeX mathematics, one line, limited length.

    Example:
        >>> print(plain("a name of $x$ that is too long", max_length=14))
        a name of \$x\$…
    """
    text = " ".join(text.split())
    text = text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"
    return text.replace("$", r"\$")


def percent(fraction: float) -> str:
    """A fraction as a whole percentage; never 0 % or 100 % for a fraction that is only close to it.

    Example:
        >>> percent(0.125), percent(0.001), percent(1.0)
        ('13%', '<1%', '100%')
    """
    if 0 < fraction < 0.005:
        return "<1%"
    if 0.995 <= fraction < 1:
        return ">99%"
    return f"{math.floor(100 * fraction + 0.5)}%"


def minus(text: str) -> str:
    """`text` with hyphens as minus signs."""
    return text.replace("-", "\N{MINUS SIGN}")


def printed_classes(classes: int, class_names: Sequence[str] | None) -> list[str]:
    """One printable name per class; numbers if there are no names.

    Raises:
        ValueError: if there are names, but not one per class.
    """
    if class_names is None:
        return [f"class {number}" for number in range(classes)]
    class_names = checks.sequence("class_names", class_names, "strings")
    for number, name in enumerate(class_names):
        checks.text(f"class_names[{number}]", name)
    if len(class_names) != classes:
        raise ValueError(
            f"class_names has {len(class_names)} names, but probabilities has {classes} columns: "
            "give one name per class."
        )
    return [plain(name) for name in class_names]
