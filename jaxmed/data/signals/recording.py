"""A recording: a signal of several leads in physical units, with its sampling rate."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded from one patient at one time.

    Attributes:
        signal: [time, leads], float32, in `units`; NaN where a sample is marked as invalid.
        rate: samples per second (Hz), of all leads.
        leads: names of the leads, each once, in the order of the columns of `signal`.
        units: of each lead, such as `mV`.
        name: of the recording.
        comments: lines that its publisher added.
    """

    signal: Float[np.ndarray, "time leads"]
    rate: float
    leads: tuple[str, ...]
    units: tuple[str, ...] = ()
    name: str = "recording"
    comments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        signal = checks.real_array("signal", self.signal, "time leads")
        checks.positive("rate", self.rate)
        leads = checks.strings("leads", self.leads)
        if len(leads) != signal.shape[1] or not len(signal):
            raise ValueError(
                f"signal has shape {signal.shape}, but must have at least one time and one column "
                f"for each of the {len(leads)} leads."
            )
        units = self.units or ("mV",) * len(leads)
        if len(units) != len(leads):
            raise ValueError(
                f"units is {units}, but must name one unit for each of {len(leads)} leads."
            )
        for name, value in (
            ("signal", signal.astype(np.float32, copy=False)),
            ("leads", leads),
            ("units", tuple(units)),
        ):
            object.__setattr__(self, name, value)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.signal) / self.rate


def select_leads(recording: Recording, leads: Sequence[str]) -> Recording:
    """The recording with the named leads only, in that order.

    Networks know leads by their place, and recordings of one data set differ in it: record 114 of
    MIT-BIH has V5 first and MLII second.

    Args:
        recording: with those leads, and maybe others.
        leads: names, such as `("I", "II", "V1")`; letters may be small or large.

    Raises:
        ValueError: for a lead that the recording does not have.

    Example:
        >>> both = Recording(np.array([[1.0, 2.0]]), 360.0, ("V5", "MLII"))
        >>> select_leads(both, ("MLII", "V5")).signal.tolist()
        [[2.0, 1.0]]
    """
    checks.made_by("recording", recording, Recording, "a Recording, such as read_wfdb gives")
    leads = checks.strings("leads", leads)
    there = [lead.casefold() for lead in recording.leads]
    missing = [lead for lead in leads if lead.casefold() not in there]
    if missing or not leads:
        raise ValueError(
            f"leads is {leads}, but {recording.name} has "
            f"{', '.join(recording.leads)}{_without(missing)}: name leads that it has, or leave "
            "the recording out."
        )
    places = [there.index(lead.casefold()) for lead in leads]
    return dataclasses.replace(
        recording,
        signal=recording.signal[:, places],
        leads=leads,
        units=tuple(recording.units[place] for place in places),
    )


def check_recording(
    recording: Recording,
    *,
    rate: float | None = None,
    leads: Sequence[str] | None = None,
    flattest: float = 0.01,
    longest_clipped: float = 0.2,
) -> None:
    """Refuse a recording that a model must not be asked about.

    Args:
        recording: to check.
        rate: that it must have, in Hz.
        leads: that it must have, in this order and no others.
        flattest: a lead whose greatest and least value differ by less (in its unit) is flat: its
            electrode was off.
        longest_clipped: seconds. A lead that stays so long at exactly its greatest or its least
            value is saturated.

    Raises:
        ValueError: for another rate or order of leads, a value that is not finite, a flat or a
            saturated lead.
    """
    checks.made_by("recording", recording, Recording, "a Recording, such as read_wfdb gives")
    checks.at_least("flattest", flattest, 0)
    checks.positive("longest_clipped", longest_clipped)
    if rate is not None:
        checks.positive("rate", rate)
        if recording.rate != rate:
            raise ValueError(
                f"{recording.name} has {recording.rate:g} samples per second, but must have "
                f"{rate:g}: use signals.resample_recording."
            )
    if leads is not None and recording.leads != checks.strings("leads", leads):
        raise ValueError(
            f"{recording.name} has the leads {', '.join(recording.leads)}, but must have "
            f"{', '.join(leads)} in this order: use signals.select_leads."
        )
    most = max(2, round(longest_clipped * recording.rate))
    for lead, column in zip(recording.leads, recording.signal.T, strict=True):
        where = f"lead {lead} of {recording.name}"
        if not np.isfinite(column).all():
            raise ValueError(
                f"{where} has {np.count_nonzero(~np.isfinite(column))} invalid samples, the first "
                f"at {np.flatnonzero(~np.isfinite(column))[0]}: cut them out."
            )
        if np.ptp(column) < flattest:
            raise ValueError(
                f"{where} is flat (it varies by {np.ptp(column):.3g}): its electrode was off, "
                "leave it out."
            )
        for limit in (column.max(), column.min()):
            if (length := longest_run(column == limit)) >= most:
                raise ValueError(
                    f"{where} is saturated: it stays {length / recording.rate:.2f} s at "
                    f"{limit:.3g}, so the amplifier was at its limit; leave it out."
                )


def longest_run(true: np.ndarray) -> int:
    """How many neighbors are true, at most.

    Example:
        >>> longest_run(np.array([True, False, True, True]))
        2
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(true, np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _without(missing: list[str]) -> str:
    return f" and lacks {', '.join(missing)}" if missing else ""
