"""What a section of the page is made of; the template shows one of these after another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from jaxmed.plots.png import Picture


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str
    block: ClassVar[str] = "paragraph"


@dataclasses.dataclass(frozen=True)
class Warned:
    """What a reader must not miss; the page says it in its section and at its beginning."""

    text: str
    block: ClassVar[str] = "warning"


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text under heads.

    Attributes:
        caption: what the table holds.
        heads: of the columns; empty above names that need none.
        rows: one text per column; the first names the row.
        text: whether all columns are text; by default those after the first are numbers.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: bool = False
    block: ClassVar[str] = "table"


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Figures side by side where there is room.

    Attributes:
        pictures: to show.
        small: whether two of them fit side by side on a phone.
    """

    pictures: Sequence[Picture]
    small: bool = False
    block: ClassVar[str] = "pictures"


@dataclasses.dataclass(frozen=True)
class Word:
    """A word of a text, and what it says about the answer.

    Attributes:
        text: as it stands there.
        mark: `for` or `against` the answer where it counts among the strongest, else empty.
    """

    text: str
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class Quotation:
    """A text of the data, with the words that counted most.

    Attributes:
        title: what it is an example of.
        words: in order.
    """

    title: str
    words: Sequence[Word]
    block: ClassVar[str] = "quotation"


Block: TypeAlias = Paragraph | Warned | Table | Pictures | Quotation


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page under one heading.

    Attributes:
        title: of the heading.
        blocks: what there is to show, in order.
        needs: what would have to be in the run's folder to have more of it; shown at the end.
    """

    title: str
    blocks: Sequence[Block] = ()
    needs: str = ""

    @property
    def anchor(self) -> str:
        """Its place in the page."""
        return "-".join(self.title.lower().replace(",", "").split())

    @property
    def warnings(self) -> list[str]:
        """What a reader must not miss."""
        return [block.text for block in self.blocks if isinstance(block, Warned)]
