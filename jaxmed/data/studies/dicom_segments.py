"""Segments of a DICOM Segmentation: their names, and the codes of what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from jaxmed import checks
from jaxmed.version import __version__

Code: TypeAlias = tuple[str, str, str]
"""(value, coding scheme, meaning), such as ("10200004", "SCT", "Liver")."""
TISSUE: Code = ("85756007", "SCT", "Tissue")
"""What is said of segments without codes."""

_LONGEST_NAME = 64  # of the value representation LO


def dicom_names(argument: str, value: Any) -> tuple[str, ...]:
    """Names as a tuple; refused where DICOM has no room for one."""
    found = checks.strings(argument, value)
    for each in found:
        if len(each) > _LONGEST_NAME:
            raise ValueError(
                f"{argument} has {checks.shortened(each)}, but a name must have at most "
                f"{_LONGEST_NAME} letters in DICOM: shorten it."
            )
    return found


def segment_codes(
    codes: Mapping[str, tuple[Code, Code]] | None, names: Sequence[str]
) -> dict[str, tuple[Code, Code]]:
    """The codes of category and type by class; refused where they are none, or of no class."""
    if codes is None:
        return {}
    if not isinstance(codes, Mapping):
        raise ValueError(
            f"codes is {checks.shown(codes)}, but must map names of classes to two codes each."
        )
    found = {}
    for name, pair in codes.items():
        checks.known("codes", name, names)
        both = checks.sequence(f"codes[{name!r}]", pair, "two codes, of category and type")
        each = [dicom_names(f"codes[{name!r}][{i}]", code) for i, code in enumerate(both)]
        if len(each) != 2 or any(len(code) != 3 for code in each):
            raise ValueError(
                f"codes[{name!r}] is {checks.shown(pair)}, but must be two codes (value, scheme, "
                "meaning): of the category and of the type."
            )
        category, kind = ((value, scheme, meaning) for value, scheme, meaning in each)
        found[name] = (category, kind)
    return found


def described_segment(
    highdicom: Any, number: int, name: str, codes: tuple[Code, Code], algorithm: str
) -> Any:
    """The description of a segment that an algorithm made, of highdicom.

    Args:
        highdicom: the module.
        number: of the segment, from 1.
        name: of its class.
        codes: of its category and its type.
        algorithm: its name.
    """
    category, kind = (highdicom.sr.CodedConcept(*code) for code in codes)
    artificial = highdicom.sr.CodedConcept("123110", "DCM", "Artificial Intelligence")
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=algorithm, family=artificial, version=__version__
        ),
    )
