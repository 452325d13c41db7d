"""Annotations of WFDB records in MIT format, such as the beats in `NAME.atr`.

https://physionet.org/physiotools/wag/annot-5.htm. A word of 16 bits holds a code (6 bits) and the
time since the annotation before (10 bits); further words hold longer times and texts.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.typing import Int

SYMBOLS = {
    1: "N",
    2: "L",
    3: "R",
    4: "a",
    5: "V",
    6: "F",
    7: "J",
    8: "A",
    9: "S",
    10: "E",
    11: "j",
    12: "/",
    13: "Q",
    14: "~",
    16: "|",
    18: "s",
    19: "T",
    20: "*",
    21: "D",
    22: '"',
    23: "=",
    24: "p",
    25: "B",
    26: "^",
    27: "t",
    28: "+",
    29: "u",
    30: "?",
    31: "!",
    32: "[",
    33: "]",
    34: "e",
    35: "n",
    36: "@",
    37: "x",
    38: "f",
    39: "(",
    40: ")",
    41: "r",
}
"""By code, the sign that PhysioNet's tables give it."""
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
"""Signs of heartbeats; the others mark noise, rhythm and waves."""
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63


@dataclasses.dataclass(frozen=True, eq=False)
class Annotations:
    """What is marked in a recording, in the order of time.

    Attributes:
        sample: at which [annotations], from 0.
        symbol: sign of each [annotations], such as "N"; see `SYMBOLS`.
        text: of each, mostly empty; a change of rhythm has one such as "(AFIB".
    """

    sample: Int[np.ndarray, " annotations"]
    symbol: np.ndarray
    text: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sample)

    def beats(self) -> Annotations:
        """Those of heartbeats only."""
        rows = np.flatnonzero(np.isin(self.symbol, sorted(BEATS)))
        return Annotations(
            self.sample[rows], self.symbol[rows], tuple(self.text[row] for row in rows)
        )


def read_wfdb_annotations(path: str | Path, *, samples: int | None = None) -> Annotations:
    """Read a file of annotations in MIT format, such as `mitdb/100.atr`.

    Args:
        path: of the file.
        samples: of the recording, where annotations beyond its end are to be refused.

    Raises:
        ValueError: for a file without an end mark, an unknown code, times that go backwards or lie
            beyond the end of the recording.
        FileNotFoundError: if there is no such file.
    """
    path = checks.path("path", path)
    if samples is not None:
        samples = checks.whole("samples", samples)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    found = decode_annotations(path.read_bytes(), str(path))
    if not len(found):
        return found
    if found.sample.min() < 0 or (np.diff(found.sample) < 0).any():
        raise ValueError(f"{path} has annotations whose times go backwards: get it again.")
    if samples is not None and found.sample[-1] >= samples:
        late = int((found.sample >= samples).sum())
        raise ValueError(
            f"{path} has {late} annotations beyond the end of the recording, the last at sample "
            f"{found.sample[-1]:,} of {samples:,}: they belong to another recording, or that one "
            "is truncated."
        )
    return found


def decode_annotations(data: bytes, source: str = "data") -> Annotations:
    """Bytes of MIT format.

    Args:
        data: the whole file.
        source: its name, for messages.

    Raises:
        ValueError: for bytes that end before their end mark, and for an unknown code.
    """
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2").tolist()
    samples: list[int] = []
    symbols: list[str] = []
    texts: list[str] = []
    now, place = 0, 0
    while place < len(words):
        code, step = words[place] >> 10, words[place] & 0x3FF
        place += 1
        if code == 0 and step == 0:
            return Annotations(
                np.array(samples, np.int64), np.array(symbols, dtype="<U1"), tuple(texts)
            )
        if code == _SKIP and place + 1 < len(words):
            wide = words[place] << 16 | words[place + 1]
            now += wide - 2**32 if wide >= 2**31 else wide
            place += 2
        elif code == _AUX and texts:
            texts[-1] = data[2 * place : 2 * place + step].rstrip(b"\0").decode("latin-1")
            place += (step + 1) // 2
        elif code in (_NUM, _SUB, _CHN):
            continue
        elif code in SYMBOLS:
            now += step
            samples.append(now)
            symbols.append(SYMBOLS[code])
            texts.append("")
        else:
            raise ValueError(
                f"{source} has an annotation of code {code}, which MIT format does not have: pass "
                "a file of annotations, such as 100.atr."
            )
    raise ValueError(f"{source} ends before its end mark: the file is truncated, get it again.")
