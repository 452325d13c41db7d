"""Which files of a folder are read: one rule for images, texts, DICOM and NIfTI.

Regular files are read, and links to them. Names that start with a dot are hidden, as those of macOS
(`._scan.dcm`) are. A named pipe, socket or device holds no data: opening one could wait for ever.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a folder.

    Attributes:
        files: those to read, sorted by path.
        missing: why something that was found cannot be read, by path: a link to nothing, a link to
            a folder elsewhere, a folder that cannot be listed.
    """

    files: tuple[Path, ...]
    missing: dict[Path, str]


def list_files(folder: Path, *, recursive: bool) -> Listing:
    """The files of a folder that are neither hidden nor special.

    Args:
        folder: its own name may start with a dot.
        recursive: search its sub-folders too, except hidden ones. Links to folders are not
            followed, as they may form a loop or lead to the whole disk.
    """
    files: list[Path] = []
    missing: dict[Path, str] = {}
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            missing[current] = f"{current} cannot be listed ({error.strerror}): make it readable."
            continue
        for entry in found:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                pending += [path] if recursive else []
            elif is_regular(path):
                files.append(path)
            elif entry.is_symlink() and (reason := _lost_by_link(path, folder, recursive)):
                missing[path] = reason
    return Listing(tuple(sorted(files)), missing)


def is_regular(path: Path) -> bool:
    """Whether a path is a regular file, or a link to one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _lost_by_link(path: Path, root: Path, recursive: bool) -> str:
    """What is lost where a link leads to no regular file; empty if nothing is."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # the latter for a loop, before Python 3.13
        return f"{path} is a link to a file that does not exist: get the file, or remove the link."
    if not recursive or not target.is_dir() or target.is_relative_to(root.resolve()):
        return ""
    return (
        f"{path} is a link to a folder elsewhere, which is not searched: pass that folder, or copy "
        "it here."
    )
