"""The card of an exported model: all that is needed to use it without its code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxmed import checks
from jaxmed.data.tables.schema import schema_of_words
from jaxmed.version import __version__

PROGRAM, CARD, TOKENIZER = "predict.jaxexport", "card.json", "tokenizer.json"
KINDS = ("text", "arrays")
_LATER = ("table", "target")
REMEDY = "copy the folder again, or export the model again."
"""At the end of each message about a file that is not as `export` wrote it."""


@dataclasses.dataclass(frozen=True)
class Card:
    """What an exported model reads and answers.

    Attributes:
        kind: of input: "text", or "arrays" where there is not a tokenizer.
        names: words of its outputs: of the whole numbers of an answer, or of the columns of a
            matrix, by name.
        feature_names: of the columns of `features`, in their order; empty where not known.
        boundaries: whether texts are encoded with `START` and `END`.
        length: tokens that are read per text, boundaries counted.
        vocabulary: number of tokens that the tokenizer knows.
        inputs: `{"dtype": ..., "shape": ...}` of each array of a batch, the shape of one row.
        platforms: that the program was lowered for.
        versions: of jaxmed and jax that wrote it.
        table: how columns of text become `features`, as `data.tables.Schema.words` gives it; empty
            where a table was not read as it is.
        target: what is predicted, as the training data calls it; empty where it was not said.
    """

    kind: str
    names: Mapping[str, Sequence[str]]
    feature_names: Sequence[str]
    boundaries: bool
    length: int | None
    vocabulary: int | None
    inputs: Mapping[str, Mapping[str, Any]]
    platforms: Sequence[str]
    versions: Mapping[str, str]
    table: Sequence[Mapping[str, Any]] = ()
    target: str = ""

    def to_json(self) -> str:
        """The card as text."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


def check_words(words: Mapping[str, Any]) -> None:
    """Refuse what cannot be the card of a model, whatever its program.

    Args:
        words: the fields of a card, as JSON has them.

    Raises:
        ValueError: A field is missing, unknown, or of another type or range; or a name is empty,
            stands there twice or holds control characters.
    """
    wanted = {field.name for field in dataclasses.fields(Card)}
    for name in sorted((wanted ^ {*words}) - {*_LATER}):  # cards of before have none of these
        raise ValueError(
            f"{checks.shortened(name)} is {'missing' if name in wanted else 'unknown'}."
        )
    if words["kind"] not in KINDS:
        said = checks.shortened(words["kind"])
        raise ValueError(f"kind is {said}, but must be {' or '.join(map(repr, KINDS))}.")
    for name, of in _mapping("names", words["names"]).items():
        if len(checks.strings(f"names of {checks.shortened(name)}", of)) == 0:
            raise ValueError(f"names of {checks.shortened(name)} is empty, but must hold names.")
    checks.strings("feature_names", words["feature_names"])
    if not isinstance(words["boundaries"], bool):
        raise ValueError(
            f"boundaries is {checks.shortened(words['boundaries'])}, but must be true or false."
        )
    if words["kind"] == "text":
        _count("length", words["length"], 3 if words["boundaries"] else 1)
        _count("vocabulary", words["vocabulary"], 1)
    elif (words["boundaries"], words["length"], words["vocabulary"]) != (False, None, None):
        said = checks.shortened((words["boundaries"], words["length"], words["vocabulary"]))
        raise ValueError(
            f"boundaries, length and vocabulary are {said}, but a model without a tokenizer "
            "has none: leave them out, or give the tokenizer."
        )
    for name, described in _mapping("inputs", words["inputs"]).items():
        if {*_mapping(f"inputs of {checks.shortened(name)}", described)} != {"dtype", "shape"}:
            raise ValueError(
                f"inputs of {checks.shortened(name)} must have dtype and shape and nothing else."
            )
    if table := words.get("table", ()):
        names = schema_of_words(table).names
        if list(names) != list(words["feature_names"]):
            raise ValueError("table and feature_names name other columns.")
    _string("target", words.get("target", ""))
    checks.strings("platforms", words["platforms"])
    for name, version in _mapping("versions", words["versions"]).items():
        _string(f"versions of {checks.shortened(name)}", version)


def read_card(path: Path) -> Card:
    """The card in a file.

    Raises:
        ValueError: if it is not a card of this version.
    """
    try:
        words = json.loads(
            path.read_bytes(), object_pairs_hook=_without_twins, parse_constant=_no_number
        )
        check_words(_mapping("the card", words))
        return Card(**words)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a card of jaxmed {__version__} ({str(error).rstrip('.')}): {REMEDY}"
        ) from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"it holds {word}")


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{name} is {checks.shortened(value)}, but must be an object.")
    return value


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {checks.shortened(value)}, but must be a string.")
    return value


def _count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is {checks.shortened(value)}, but must be a whole number.")
    if value < least:
        raise ValueError(f"{name} is {checks.shortened(value)}, but must be at least {least}.")
