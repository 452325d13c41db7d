"""How the model does in groups of patients."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.evaluation import by_subgroup
from jaxmed.report.contents import Block, Paragraph, Section, Table
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.performance import needs_rows, spaced
from jaxmed.report.stored_judge import stored_columns, stored_judge

_RESAMPLES = 1000


def subgroups(run: RunFolder) -> Section:
    """Statistics of each subgroup of the test split, and whether they differ from the rest."""
    title = "Subgroups"
    if run.test is None:
        return Section(title, needs=needs_rows(run))
    judge = stored_judge(run)
    if not run.test.subgroups or not judge.statistics:
        needs = "subgroups=(names of columns of the data, such as sex) in report.assess."
        return Section(title, needs=needs)
    compared = {name: column for name, column in run.test.subgroups.items() if _differs(column)}
    blocks: list[Block] = [
        Paragraph(
            f"{name}: all rows of the test split that have a value have the same one, so there is "
            "nothing to compare."
        )
        for name in run.test.subgroups
        if name not in compared
    ]
    if not compared:
        return Section(title, blocks)
    blocks.append(
        Paragraph(
            "Each subgroup is compared with all other rows of the test split. P values are "
            "adjusted for their number by Holm's method. A difference that is not significant is "
            "no proof of equality: look at its interval."
        )
    )
    found = by_subgroup(judge, stored_columns(run.test), compared, resamples=_RESAMPLES)
    heads = tuple(  # without the name of the class, which stays as it is
        head if head == found.positive else head[:1].upper() + head[1:] for head in found.heads()
    )
    for name in found.names:
        rows = [
            [cell.replace(", ", ",\N{NO-BREAK SPACE}") for cell in row] for row in found.rows(name)
        ]
        blocks.append(Table(spaced(found.title(name)), heads, rows))
    blocks += [Paragraph(note) for note in found.notes]
    return Section(title, blocks)


def _differs(column: np.ndarray) -> bool:
    """Whether there are two values, as subgroups are told apart: empty ones are none."""
    values = {" ".join(checks.printable(word).split()) for word in column.tolist()}
    return len(values - {""}) > 1
