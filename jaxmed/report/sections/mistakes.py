"""The most confident mistakes with their inputs."""

from __future__ import annotations

from typing import Any

from jaxmed.evaluation.tables import metric_text
from jaxmed.plots.png import Picture
from jaxmed.report.contents import Block, Paragraph, Pictures, Quotation, Section, Table, Word
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.performance import needs_rows

_WORDS = 200  # of a text


def mistakes(run: RunFolder) -> Section:
    """What the model read where it was surest and wrong."""
    title = "Most confident mistakes"
    if not run.mistakes:
        if run.test is None:
            return Section(title, needs=needs_rows(run))
        return Section(title, [Paragraph("No mistake of the test split was kept.")])
    rows = [
        [each["id"], each["truth"], each["answer"], each["probability"]] for each in run.mistakes
    ]
    blocks: list[Block] = [
        Table("Rows of the test split", ("id", "True", "Answer", "Its probability"), rows, True),
    ]
    pictures = [_picture(run, each) for each in run.mistakes if "picture" in each]
    if pictures:
        blocks += [
            Paragraph(
                "Where there is an attribution, outlines surround the tenth of the pixels that "
                "speak most for the answer (solid) and against it (dashed)."
            ),
            Pictures(pictures, small=True),
        ]
    texts = [each for each in run.mistakes if "words" in each]
    if texts:
        words = "Solid underlines mark what speaks for the answer, dashed ones what speaks against."
        blocks += [Paragraph(words), *(_quotation(each) for each in texts)]
    blocks += [_features(each) for each in run.mistakes if "features" in each]
    has_input = pictures or texts or any("features" in each for each in run.mistakes)
    needs = "" if has_input else "images, features, or texts with tokenizer=... in report.assess."
    return Section(title, blocks, needs)


def _title(each: dict[str, Any]) -> str:
    sure = f" ({each['probability']})" if each["probability"] else ""
    return f"Row {each['id']}: answered {each['answer']}{sure}, true is {each['truth']}."


def _picture(run: RunFolder, each: dict[str, Any]) -> Picture:
    words = each["picture"]
    alt = f"Row {each['id']}. {words['alt']}"
    content = run.content(words["file"])
    return Picture(content, _title(each), alt, words["width"], words["height"])


def _quotation(each: dict[str, Any]) -> Quotation:
    words = [Word(text, mark) for text, mark in each["words"][:_WORDS]]
    if len(each["words"]) > _WORDS:
        words.append(Word(f"... and {len(each['words']) - _WORDS:,} more words"))
    return Quotation(_title(each), words)


def _features(each: dict[str, Any]) -> Table:
    explained = any(weight is not None for _, _, weight in each["features"])
    heads = ("Feature", "Value", "Attribution") if explained else ("Feature", "Value")
    rows = [
        [name, metric_text(number), *([metric_text(weight)] if explained else [])]
        for name, number, weight in each["features"]
    ]
    return Table(_title(each), heads, rows)
