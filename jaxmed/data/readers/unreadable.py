"""What happens to files that cannot be read: one policy for images, texts and studies."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from jaxmed import checks

_SHOWN = 5  # reasons given in a warning


def check_policy(on_error: str) -> None:
    """Refuse a value of `on_error` that is neither "skip" nor "raise".

    "skip" leaves unreadable files out with one warning; "raise" refuses the folder because of the
    first.
    """
    checks.known("on_error", on_error, ("skip", "raise"))


def warn_skipped(
    count: int,
    total: int,
    reasons: Sequence[str],
    *,
    of: str,
    done: str = "are skipped",
    stacklevel: int = 3,
) -> None:
    """One warning that counts what is left out and gives the first reasons.

    Args:
        count: of what is left out.
        total: of what was found.
        reasons: one sentence each.
        of: what is counted, for the message: "files".
        done: what happens to them, for the message.
        stacklevel: 3 for the caller of the function that calls this one.
    """
    place = ", in skipped" if done == "are skipped" else ""
    more = f" And {len(reasons) - _SHOWN} more{place}." if len(reasons) > _SHOWN else ""
    warnings.warn(
        f"{count} of {total} {of} {done}. {' '.join(reasons[:_SHOWN])}{more}",
        stacklevel=stacklevel,
    )


def one_line(error: Exception) -> str:
    """The message of an error on one line, to be quoted in another."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
