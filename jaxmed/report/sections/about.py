"""What the model is for, what it was made with, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jaxmed.report.contents import Block, Paragraph, Section, Table, Warned
from jaxmed.report.facts import TO_BE_WRITTEN
from jaxmed.report.folder import RunFolder


def purpose(run: RunFolder) -> Section:
    """What the model is for and what not."""
    given = run.question.get("purpose") or {}
    rows = [
        ("For", given.get("intended_use", TO_BE_WRITTEN)),
        ("Not for", given.get("not_for", TO_BE_WRITTEN)),
        ("Reference standard", given.get("reference_standard", TO_BE_WRITTEN)),
    ]
    blocks: list[Block] = [
        Table("What the model is for", ("", "In the authors' words"), rows, True)
    ]
    if run.classes:
        words = f"The model gives a probability to each of {len(run.classes)} classes: "
        positive = f" The positive class is {run.positive}." if run.positive else ""
        blocks.insert(0, Paragraph(f"{words}{', '.join(run.classes)}.{positive}"))
    needs = "purpose=report.Purpose(...) in report.assess." if not given else ""
    return Section("Purpose", blocks, needs)


def data(run: RunFolder) -> Section:
    """Where the data comes from, its license and its checksums."""
    given = run.question.get("data") or {}
    blocks: list[Block] = []
    names = {"title": "Data set", "license": "License", "citation": "To be cited"}
    names |= {"homepage": "Described at", "note": "Note"}
    facts = [(names[key], str(given[key])) for key in names if given.get(key)]
    if facts:
        blocks.append(Table("Source of the data", ("", "As its publisher says"), facts, True))
    blocks += _splits(run)
    sums = given.get("checksums") or run.environment.get("data_checksums") or {}
    if sums:
        rows = [(str(name), str(each)) for name, each in sums.items()]
        blocks.append(Table("Checksums of the files", ("File", "Checksum"), rows, True))
    needs = "" if given else "data=report.data_facts(name), or report.DataFacts(...), in assess."
    return Section("Data", blocks, needs)


def settings_and_environment(run: RunFolder) -> Section:
    """Settings, versions and devices of the training."""
    blocks = [
        Table(caption, ("Name", "Value"), list(_flat(found)), True)
        for caption, found in (
            ("Settings of the training", run.config),
            ("Where it was trained", run.environment),
        )
        if found
    ]
    needs = "" if blocks else "config.json and environment.json, which fit writes into its run."
    return Section("Environment", blocks, needs)


def _splits(run: RunFolder) -> Iterator[Block]:
    splits = run.question.get("splits") or {}
    rows = [
        (name, f"{of['rows']:,}", "" if of["groups"] is None else f"{of['groups']:,}")
        for name, of in splits.items()
    ]
    trained = run.question.get("trained_on")
    if trained:
        rows.insert(0, ("training", f"{trained:,}", ""))
    if rows:
        heads = ("Split", "Rows", "Patients or other groups")
        kept = 3 if any(groups for *_, groups in rows) else 2
        yield Table("Rows of each split", heads[:kept], [row[:kept] for row in rows])
    for name, of in run.metrics.items():
        if of.get("summary"):
            shares = [(str(n), f"{count:,}", f"{share:.1%}") for n, count, share in of["summary"]]
            yield Table(f"What the {name} split holds", ("Class", "Cases", "Share"), shares)
    one, other = run.validation, run.test
    if one is None or other is None:
        return
    if one.groups is None or other.groups is None:
        yield Paragraph(
            "The data does not say which rows are of one patient, so the intervals take all rows "
            "as independent of one another."
        )
    elif shared := len(set(one.groups) & set(other.groups)):
        yield Warned(
            f"{shared:,} patients or other groups are in the validation and in the test split, "
            "unless the two number their groups apart: then the test is not independent."
        )


def _flat(entries: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A tree of settings as lines of dotted names."""
    if not isinstance(entries, Mapping):
        yield prefix, ", ".join(map(str, entries)) if isinstance(entries, list) else str(entries)
        return
    for name, value in entries.items():
        yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))
