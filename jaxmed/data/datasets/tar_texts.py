"""Texts in a tar archive, one per file."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath


def read_tar_texts(archive: Path, folder: str) -> list[tuple[PurePosixPath, str]]:
    """(name, text) of each file below a folder of that name in the archive, sorted by name."""
    with tarfile.open(archive) as files:
        members = [
            (PurePosixPath(member.name), files.extractfile(member))
            for member in files
            if member.isfile() and folder in PurePosixPath(member.name).parts
        ]
        texts = [(name, file.read().decode("utf-8").strip()) for name, file in members if file]
    return sorted(texts)
