"""How well structures were outlined, case by case."""

from __future__ import annotations

from jaxmed.evaluation.tables import metric_text
from jaxmed.report.contents import Block, Paragraph, Pictures, Section, Table
from jaxmed.report.folder import RunFolder

_WORDS = (
    "A mean hides cases that failed: look at the worst ones. A case in which a structure was "
    "missed, or found where there is none, has a Dice coefficient of 0 for it and the largest "
    "distance that its image allows."
)


def cases(run: RunFolder) -> Section:
    """Pictures of cases, the statistics of all, and those of the worst in numbers.

    Args:
        run: of a segmentation that was assessed.
    """
    first = run.figures.get("cases")
    others = [shown for name, shown in run.figures.items() if name != "cases"]
    blocks: list[Block] = [Paragraph(_WORDS)]
    if first is not None:
        blocks.append(Pictures([first]))
    if others:
        blocks.append(Pictures(others))
    rows = [
        [word if isinstance(word, str) else metric_text(word) for word in case.values()]
        for case in run.cases
    ]
    words = f"The {len(rows)} cases of the test split with the lowest mean Dice coefficient"
    blocks.append(Table(words, [name[:1].upper() + name[1:] for name in run.cases[0]], rows))
    return Section("Segmentations of the test split", blocks)
