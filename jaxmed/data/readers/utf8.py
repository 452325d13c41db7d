"""Text files in UTF-8, with an error that names the line of one that is not."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str:
    r"""The text of a file, without a byte order mark and with \n as the only line break.

    Raises:
        ValueError: The file is not UTF-8; the message names the first such line.
    """
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path} is not UTF-8 in line {line} (byte 0x{error.object[error.start]:02x}): save "
            "it as UTF-8, or convert it (iconv -f WINDOWS-1252 -t UTF-8)."
        ) from error
