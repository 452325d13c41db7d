"""Text files in UTF-8, with an error that names the line of one that is not."""

from __future__ import annotations

from pathlib import Path

_UTF16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks, as Windows writes them


def read_text(path: Path) -> str:
    r"""The text of a file, without a byte order mark and with \n as the only line break.

    Raises:
        ValueError: The file is not UTF-8, or holds bytes of the value 0, which no text does; the
            message names the first such line.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        encoding = "UTF-16" if content.startswith(_UTF16) else "WINDOWS-1252"
        raise ValueError(
            f"{path} is not UTF-8 in line {line} (byte 0x{error.object[error.start]:02x}): save "
            f"it as UTF-8, or convert it (iconv -f {encoding} -t UTF-8)."
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(
            f"{path} is not a text: it holds a byte of the value 0 in line {line}. Save it as "
            "UTF-8, or remove it."
        )
    return text
