"""The checklists TRIPOD+AI and CLAIM with what the run's folder can fill in.

References:
    Collins et al., TRIPOD+AI statement, BMJ 2024;385:e078378;
    Tejani et al., Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 update,
    Radiology: Artificial Intelligence 2024;6(4):e240300.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from jaxmed.report.checklist_items import CLAIM, TRIPOD_AI
from jaxmed.report.contents import Paragraph, Section, Table
from jaxmed.report.facts import TO_BE_WRITTEN
from jaxmed.report.folder import RunFolder

Answer = Callable[[RunFolder], str]
"""What the folder says of an item; empty where it says nothing."""


@dataclasses.dataclass(frozen=True)
class Item:
    """An item of a checklist.

    Attributes:
        checklist: its name.
        number: of the item.
        name: in short.
        answer: what the run says, or that the authors must write it.
    """

    checklist: str
    number: str
    name: str
    answer: str

    @property
    def filled(self) -> bool:
        """Whether the run says something."""
        return self.answer != TO_BE_WRITTEN


def filled(run: RunFolder) -> list[Item]:
    """All items of both checklists, answered as far as the folder goes."""
    return [
        Item(checklist, number, name, _answered(run, answers.get(number)))
        for checklist, items, answers in (
            ("TRIPOD+AI", TRIPOD_AI, _TRIPOD_ANSWERS),
            ("CLAIM", CLAIM, _CLAIM_ANSWERS),
        )
        for number, name in items.items()
    ]


def section(items: Sequence[Item]) -> Section:
    """The checklists as a part of the page."""
    count = sum(item.filled for item in items)
    words = (
        f"{count} of {len(items)} items are filled in from the run; the others are to be written "
        "by the authors. What is filled in is a draft: read it before it is published."
    )
    tables = [
        Table(
            f"{checklist} (short names of the items; the published checklist has their wording)",
            ("Item", "About", "In this run"),
            [
                (item.number, item.name, item.answer)
                for item in items
                if item.checklist == checklist
            ],
            True,
        )
        for checklist in dict.fromkeys(item.checklist for item in items)
    ]
    return Section("Checklists", [Paragraph(words), *tables])


def markdown(items: Sequence[Item], title: str) -> str:
    """The checklists as a file to go on writing in."""
    lines = [f"# Checklists: {_plain(title)}"]
    for checklist in dict.fromkeys(item.checklist for item in items):
        lines += [
            "",
            f"## {checklist}",
            "",
            "| item | about | in this run |",
            "| --- | --- | --- |",
        ]
        lines += [
            f"| {item.number} | {_plain(item.name)} | {_plain(item.answer)} |"
            for item in items
            if item.checklist == checklist
        ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that neither Markdown nor HTML in it takes for its own signs."""
    for sign in "\\|<>&`*_[]":
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(sign, f"\\{sign}"))
    return " ".join(text.split())


def _answered(run: RunFolder, answer: Answer | None) -> str:
    return (answer(run) if answer else "") or TO_BE_WRITTEN


def _purpose(field: str) -> Answer:
    def of(run: RunFolder) -> str:
        words = (run.question.get("purpose") or {}).get(field, "")
        return "" if words == TO_BE_WRITTEN else words

    return of


def _data(run: RunFolder) -> str:
    given = run.question.get("data") or {}
    return f"{given['title']}. {given['citation']}" if given else ""


def _license(run: RunFolder) -> str:
    given = run.question.get("data") or {}
    return f"Data: {given['title']}, {given['license']}." if given else ""


def _outcome(run: RunFolder) -> str:
    if not run.classes:
        return ""
    positive = f"; the positive class is {run.positive}" if run.positive else ""
    return f"One of {', '.join(run.classes)}{positive}."


def _sizes(run: RunFolder) -> str:
    splits = {name: of["rows"] for name, of in (run.question.get("splits") or {}).items()}
    if run.question.get("trained_on"):
        splits = {"training": run.question["trained_on"], **splits}
    return ", ".join(f"{name} {rows:,} rows" for name, rows in splits.items())


def _events(run: RunFolder) -> str:
    said = [
        f"{split}: " + ", ".join(f"{count:,} {name}" for name, count, _ in of["summary"])
        for split, of in run.metrics.items()
        if of["summary"]
    ]
    return "; ".join(said)


def _partition(run: RunFolder) -> str:
    sizes = _sizes(run)
    return f"{sizes}. How rows were assigned is to be written by the authors." if sizes else ""


def _level(run: RunFolder) -> str:
    splits = (run.validation, run.test)
    if any(split is None or split.groups is None for split in splits):
        return ""
    return "Rows name their patient or other group; see Data for groups in both splits."


def _training(run: RunFolder) -> str:
    fit = run.config.get("fit") or {}
    said = [f"{name} {fit[name]}" for name in ("batch_size", "epochs", "steps") if fit.get(name)]
    return f"See Environment: {', '.join(said)}." if said else ""


def _selection(run: RunFolder) -> str:
    monitor = (run.config.get("fit") or {}).get("monitor") or {}
    name = monitor.get("name")
    return f"The epoch with the best {name} of the validation split was kept." if name else ""


def _software(run: RunFolder) -> str:
    versions = run.environment.get("versions") or {}
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)


def _code(run: RunFolder) -> str:
    git = run.environment.get("git") or {}
    dirty = " with changes that are not committed" if git.get("dirty") else ""
    return f"Commit {git['commit']}{dirty} of jaxmed." if git.get("commit") else ""


def _model_files(run: RunFolder) -> str:
    there = (run.path / "model" / "card.json").is_file()
    return "The exported model is in the folder model/ of the run." if there else ""


def _measures(run: RunFolder) -> str:
    names = [name for of in run.metrics.values() for name in of["metrics"]]
    return f"{', '.join(dict.fromkeys(names))}; see Metrics." if names else ""


def _headline(run: RunFolder) -> str:
    if "test" not in run.metrics:
        return ""
    said = [
        f"{name} {value:.3f} [{low:.3f}, {high:.3f}]"
        for name, (value, low, high) in run.metrics["test"]["metrics"].items()
        if None not in (value, low, high)
    ]
    return f"Test split: {', '.join(said[:4])}; all in Metrics." if said else ""


def _uncertainty(run: RunFolder) -> str:
    return "Percentile bootstrap intervals at 95 % over patients or rows." if run.metrics else ""


def _output(run: RunFolder) -> str:
    if run.positive:
        words = "A probability per class; thresholds are chosen on the validation split, see "
        return f"{words}Operating points."
    return "A probability per class; the answer is the most probable one." if run.classes else ""


def _recalibration(run: RunFolder) -> str:
    both = run.classes and run.validation is not None and run.test is not None
    words = "Calibration is fitted on the validation split and tested on the test split; see "
    return f"{words}Calibration." if both else ""


def _subgroups(run: RunFolder) -> str:
    names = [] if run.test is None else list(run.test.subgroups)
    words = f"Performance is compared by {', '.join(names)}, see Subgroups. The approaches to "
    return f"{words}fairness are to be written by the authors." if names else ""


def _failures(run: RunFolder) -> str:
    count = len(run.mistakes)
    return f"The {count} most confident mistakes with their inputs are shown." if count else ""


def _explained(run: RunFolder) -> str:
    methods = [name for name in run.numbers("faithfulness") if name != "random"]
    return f"{', '.join(methods)}; see Faithfulness of explanations." if methods else ""


def _robust(run: RunFolder) -> str:
    return "See Data of another kind." if run.numbers("out_of_distribution") else ""


_TRIPOD_ANSWERS: Mapping[str, Answer] = {
    "3b": _purpose("intended_use"),
    "5a": _data,
    "8a": _outcome,
    "12a": _partition,
    "12c": _training,
    "12e": _measures,
    "12f": _recalibration,
    "14": _subgroups,
    "15": _output,
    "18e": _license,
    "18f": _code,
    "20a": _sizes,
    "21": _events,
    "22": _model_files,
    "23a": _headline,
    "24": _recalibration,
}
_CLAIM_ANSWERS: Mapping[str, Answer] = {
    "3": _purpose("intended_use"),
    "7": _data,
    "14": _purpose("reference_standard"),
    "19": _partition,
    "20": _level,
    "23": _software,
    "25": _training,
    "26": _selection,
    "28": _measures,
    "29": _uncertainty,
    "30": _robust,
    "31": _explained,
    "35": _sizes,
    "36": _events,
    "37": _headline,
    "38": _headline,
    "39": _failures,
    "43": _code,
}
