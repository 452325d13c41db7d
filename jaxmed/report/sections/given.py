"""Tables of numbers that were measured elsewhere and given to the assessment."""

from __future__ import annotations

from jaxmed.evaluation.tables import metric_text
from jaxmed.report.contents import Paragraph, Section, Table
from jaxmed.report.folder import RunFolder


def faithfulness(run: RunFolder) -> Section:
    """Whether explanations show what the answers rest on, with a random one for comparison."""
    words = (
        "An explanation is faithful if the answer changes when what it points at is taken away. "
        "A method that is no better than the random attribution says nothing about the model."
    )
    return _table(run, "faithfulness", "Faithfulness of explanations", "Method", words)


def out_of_distribution(run: RunFolder) -> Section:
    """Whether the model notices data of another kind."""
    words = (
        "How well a score tells the rows of the test split from other data: an AUROC of 0.5 means "
        "that it notices nothing."
    )
    return _table(run, "out_of_distribution", "Data of another kind", "Other data", words)


def _table(run: RunFolder, name: str, title: str, head: str, words: str) -> Section:
    found = run.numbers(name)
    if not found:
        return Section(title, needs=f"{name}={{name: {{measure: number}}}} in report.assess.")
    measures = list(dict.fromkeys(measure for row in found.values() for measure in row))
    rows = [
        [line, *(metric_text(row.get(measure)) for measure in measures)]
        for line, row in found.items()
    ]
    heads = (head, *(measure.replace("_", " ") for measure in measures))
    return Section(title, [Paragraph(words), Table("Measured values", heads, rows)])
