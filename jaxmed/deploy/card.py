"""The card of an exported model: all that is needed to use it without its code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxmed.version import __version__

PROGRAM, CARD, TOKENIZER = "predict.jaxexport", "card.json", "tokenizer.json"


@dataclasses.dataclass(frozen=True)
class Card:
    """What an exported model reads and answers.

    Attributes:
        kind: of input: "text", or "arrays" where there is not a tokenizer.
        names: words of its outputs: of the whole numbers of an answer, or of the columns of a
            matrix, by name.
        boundaries: whether texts are encoded with `START` and `END`.
        length: tokens that are read per text, boundaries counted.
        vocabulary: number of tokens that the tokenizer knows.
        inputs: `{"dtype": ..., "shape": ...}` of each array of a batch, the shape of one row.
        platforms: that the program was lowered for.
        versions: of jaxmed and jax that wrote it.
        sha256: of the other files, by name.
    """

    kind: str
    names: Mapping[str, Sequence[str]]
    boundaries: bool
    length: int | None
    vocabulary: int | None
    inputs: Mapping[str, Mapping[str, Any]]
    platforms: Sequence[str]
    versions: Mapping[str, str]
    sha256: Mapping[str, str]

    def to_json(self) -> str:
        """The card as text."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


def read_card(path: Path) -> Card:
    """The card in a file.

    Raises:
        ValueError: if it is not a card of this version.
    """
    try:
        words = json.loads(path.read_bytes())
        return Card(**words)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is not a card of jaxmed {__version__} ({error}): export the run again."
        ) from error
