"""Samples of WFDB records: formats 16 and 212, which hold most of PhysioNet's ECGs.

https://physionet.org/physiotools/wag/signal-5.htm. The `.mat` files of the challenges are format 16
behind 24 bytes, as their headers say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jaxmed.typing import Int

INVALID = {16: -(2**15), 212: -(2**11)}
"""By format, the value that marks a sample as not measured."""


def decode(data: bytes, format_: int, count: int) -> Int[np.ndarray, " count"]:
    """The first `count` numbers of a file, int32; fewer where the file is shorter.

    Args:
        data: bytes of the file, from the first sample on.
        format_: 16 or 212.
        count: how many numbers to read.

    Example:
        >>> decode(bytes([0x01, 0xF2, 0x03]), 212, 2).tolist()
        [513, -253]
    """
    if format_ == 16:
        whole = data[: min(2 * count, len(data) // 2 * 2)]
        return np.frombuffer(whole, "<i2").astype(np.int32)
    return _decode_212(data)[:count]


def _decode_212(data: bytes) -> np.ndarray:
    """Two numbers of 12 bits in each three bytes, two's complement."""
    raw = np.frombuffer(data, np.uint8).astype(np.int32)
    # An odd number of samples ends with two bytes, of which the last holds four bits.
    lone = len(raw) % 3 == 2
    pairs = np.concatenate([raw, [0]]) if lone else raw[: len(raw) // 3 * 3]
    low, middle, high = pairs.reshape(-1, 3).T
    both = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1).ravel()
    both = np.where(both >= 2**11, both - 2**12, both)
    return both[:-1] if lone else both


def encode_212(samples: Int[np.ndarray, " count"]) -> bytes:
    """Numbers from -2048 to 2047 as the bytes of format 212; the inverse of `decode`.

    Args:
        samples: an even number of them, as signals of two leads have, the leads in turn.
    """
    first, second = (samples.reshape(-1, 2) & 0xFFF).T
    packed = [first & 0xFF, first >> 8 | second >> 8 << 4, second & 0xFF]
    return np.stack(packed, axis=1).astype(np.uint8).tobytes()


def read_samples(
    path: Path, *, format_: int, offset: int, leads: int, samples: int | None
) -> Int[np.ndarray, "time leads"]:
    """All samples of a file that holds `leads` leads in turn.

    Raises:
        ValueError: for another format, or a file that ends early.
        FileNotFoundError: if there is no such file.
    """
    if format_ not in INVALID:
        raise ValueError(
            f"{path} has WFDB format {format_}, but formats "
            f"{' and '.join(map(str, INVALID))} are read: convert it, for example by xform."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing, though the header names it: put it beside the header."
        )
    data = path.read_bytes()[offset:]
    most = len(data) // 2 if format_ == 16 else (2 * len(data) + 1) // 3
    wanted = leads * (samples if samples is not None else most // leads)
    found = decode(data, format_, wanted)
    if len(found) < wanted or not wanted:
        raise ValueError(
            f"{path} ends after {len(found) // leads:,} samples of {leads} leads, but its header "
            f"promises {wanted // leads:,}: the file is truncated, get it again."
        )
    return found.reshape(-1, leads)
