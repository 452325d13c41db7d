"""A figure as a PNG picture, with the words that say it to who cannot see it."""

from __future__ import annotations

import base64
import dataclasses
import io

from jaxmed.plots.style import Figure

WIDE = 6.5
"""Inches; a wider figure gets the page's whole width."""
_PIXELS_PER_INCH = 96  # of a page


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture in a page.

    Attributes:
        content: of a PNG file.
        caption: below it.
        alt: what it shows, in words.
        width: in pixels of the page.
        height: in pixels of the page.
        wide: whether it takes the page's whole width.
    """

    content: bytes = dataclasses.field(repr=False)
    caption: str
    alt: str
    width: int
    height: int
    wide: bool = False

    @property
    def base64(self) -> str:
        """The content as text, for a page that stands alone."""
        return base64.b64encode(self.content).decode("ascii")


def picture(figure: Figure, caption: str) -> Picture:
    """The picture of a figure; its words are the caption and all legends.

    Args:
        figure: of this package.
        caption: one sentence or more.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    legends = [axes.get_legend() for axes in figure.axes] + figure.legends
    words = [
        text.get_text()
        for legend in legends
        if legend is not None
        for text in (legend.get_title(), *legend.get_texts())
    ]
    inches = figure.get_size_inches()
    width, height = (round(_PIXELS_PER_INCH * inch) for inch in inches)
    alt = "; ".join([caption, *(word.replace("\n", ", ") for word in words if word)])
    return Picture(
        buffer.getvalue(), caption, alt.replace(r"\$", "$"), width, height, bool(inches[0] > WIDE)
    )
