"""Recordings from EDF, EDF+ and BDF files, such as polysomnograms and electroencephalograms."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.signals.recording import Recording


def read_edf(path: str | Path, *, leads: Sequence[str] | None = None) -> Recording:
    """Read a recording from an EDF, EDF+ or BDF file by `edfio`.

    Args:
        path: of the file, whose name ends in `.edf` or `.bdf`.
        leads: labels of the signals to read, in the order wanted; by default all. They have one
            sampling rate.

    Returns:
        The recording, in the units of the file; annotations are not read.

    Raises:
        ValueError: for a label that is missing or there twice, signals of several sampling rates,
            a recording with interruptions, or a file that is damaged.
        FileNotFoundError: if there is no such file.
        ModuleNotFoundError: if edfio is not installed.

    References:
        Kemp et al., A simple format for exchange of digitized polygraphic recordings, 1992.
        Kemp and Olivan, European data format 'plus' (EDF+), 2003.
    """
    path = checks.path("path", path)
    wanted = None if leads is None else checks.strings("leads", leads)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    signals = _signals(path)
    labels = [signal.label for signal in signals]
    wanted = tuple(labels) if wanted is None else wanted
    for lead in wanted:
        if labels.count(lead) != 1:
            raise ValueError(
                f"leads has {lead!r}, which {path.name} holds {labels.count(lead)} times among "
                f"{', '.join(labels) or 'no signals'}: name signals that it holds once."
            )
    chosen = [signals[labels.index(lead)] for lead in wanted]
    rates = {signal.label: float(signal.sampling_frequency) for signal in chosen}
    if len(set(rates.values())) > 1:
        said = ", ".join(f"{label} {rate:g}" for label, rate in rates.items())
        raise ValueError(
            f"{path.name} has signals of several sampling rates (Hz): {said}; choose leads of one "
            "rate, and resample the others by resample_recording."
        )
    values = np.stack([np.asarray(signal.data, np.float32) for signal in chosen], axis=1)
    units = tuple(signal.physical_dimension for signal in chosen)
    return Recording(values, next(iter(rates.values())), wanted, units, path.stem)


def _signals(path: Path) -> list[Any]:
    """The signals of the file, whose headers are read and whose length is checked."""
    try:
        import edfio
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Reading EDF files needs edfio, which is not installed: pip install 'jaxmed[edf]'."
        ) from error
    read = edfio.read_bdf if path.suffix.lower() == ".bdf" else edfio.read_edf
    try:
        with warnings.catch_warnings():
            # edfio drops a last record that is cut off, and only warns.
            warnings.filterwarnings("error", message="Incomplete data record")
            file = read(path)
            signals = list(file.signals)
            lengths = [len(signal.data) for signal in signals]
            rates = [float(signal.sampling_frequency) for signal in signals]
        interrupted = str(file.reserved).startswith(("EDF+D", "BDF+D"))
    except (
        UserWarning,
        ValueError,
        NotImplementedError,
        OSError,
        LookupError,
        ArithmeticError,
        NameError,
    ) as error:
        raise ValueError(f"{path} is no whole EDF or BDF file ({error}): get it again.") from error
    if interrupted:
        raise ValueError(
            f"{path} has interruptions (EDF+D), but a Recording has none: export its parts as "
            "files of their own."
        )
    if not signals or 0 in lengths or min(rates) <= 0:
        raise ValueError(f"{path} holds no samples: get it again.")
    return signals
