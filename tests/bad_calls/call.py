"""One line of a table: a function, a call that works, and what kind of value each argument is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from bad_calls.kinds import Kind


@dataclasses.dataclass(frozen=True)
class Call:
    """A public function and a good call of it.

    Attributes:
        function: called with keywords.
        arguments: of the good call.
        kinds: of the arguments that get bad values.
        says: how a message names an argument, where it is not by its own name: `this|that`.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    kinds: Mapping[str, Kind]
    says: Mapping[str, str] = dataclasses.field(default_factory=dict)


def call(
    function: Callable[..., Any], says: Mapping[str, str] | None = None, **arguments: Any
) -> Call:
    """A `Call` from pairs `(good value, kind)`; a value without a kind is not changed."""
    pairs = {
        name: value if isinstance(value, tuple) and isinstance(value[-1], Kind) else (value, None)
        for name, value in arguments.items()
    }
    return Call(
        function,
        {name: good for name, (good, _) in pairs.items()},
        {name: kind for name, (_, kind) in pairs.items() if kind is not None},
        says or {},
    )


def ending_early(function: Callable[..., Any], words: str) -> Callable[..., None]:
    """The function where a good call ends with an error that says so, before it costs anything."""

    def ended(**arguments: Any) -> None:
        try:
            function(**arguments)
        except (ValueError, FileNotFoundError) as error:
            if words not in str(error):
                raise

    return ended
