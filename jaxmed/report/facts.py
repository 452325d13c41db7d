"""What only the authors know: what a model is for, and where its data comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from jaxmed import checks
from jaxmed.data import catalogue

TO_BE_WRITTEN = "To be written by the authors."


@dataclasses.dataclass(frozen=True)
class Purpose:
    """What a model is for and what it is not for, in the authors' words.

    Attributes:
        intended_use: who would use it, for which patients, at which point of their care.
        not_for: uses that it must not be put to.
        reference_standard: how the truth of the data was found.
    """

    intended_use: str = TO_BE_WRITTEN
    not_for: str = TO_BE_WRITTEN
    reference_standard: str = TO_BE_WRITTEN

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            checks.text(field.name, getattr(self, field.name))


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """Where data comes from.

    Attributes:
        title: its name.
        license: under which it may be used.
        citation: what its authors ask to be cited.
        homepage: where it is described.
        checksums: of its files, by name, such as `md5:...`.
        note: what a reader of results on it must know.
    """

    title: str
    license: str = TO_BE_WRITTEN
    citation: str = TO_BE_WRITTEN
    homepage: str = ""
    checksums: Mapping[str, str] = dataclasses.field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("title", "license", "citation"):
            checks.text(name, getattr(self, name))
        for name in ("homepage", "note"):
            if not isinstance(getattr(self, name), str):
                checks.text(name, getattr(self, name))
        given = self.checksums
        if not isinstance(given, Mapping) or not all(
            isinstance(word, str) for pair in given.items() for word in pair
        ):
            raise ValueError(
                f"checksums is {checks.shown(given)}, but must map names of files to checksums: "
                "pass a dict of strings."
            )


def data_facts(name: str) -> DataFacts:
    """What the catalogue knows of one of its data sets.

    Args:
        name: as `jaxmed datasets` lists it.

    Raises:
        ValueError: if it is not one of jaxmed's; the message gives the nearest names.
    """
    checks.text("name", name)
    entry = catalogue.entry(name)
    return DataFacts(
        title=entry.title,
        license=entry.license,
        citation=entry.citation,
        homepage=entry.homepage,
        checksums={file.name: f"{file.algorithm}:{file.checksum}" for file in entry.files},
        note=entry.note,
    )
