"""Files that appear whole or not at all: written under another name, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


def write_whole(path: Path, content: str | bytes | Iterable[bytes]) -> None:
    """Replace `path` by this content; if it is killed or the disk is full, the old file stays.

    Args:
        path: of the file; its folder is made where it is missing.
        content: text, written as UTF-8, or bytes, or bytes part by part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if isinstance(content, str):
            content = content.encode()
        _write(draft, (content,) if isinstance(content, bytes) else content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def replace_folder(
    target: Path, files: Mapping[str, bytes], *, check: Callable[[Path], object] | None = None
) -> None:
    """Replace the folder `target` by one with these files; the old one goes when it is complete.

    Args:
        target: the folder; its parent is made where it is missing.
        files: contents by name.
        check: raises if what was written cannot be read back; the old folder then stays.
    """
    draft, past = (
        target.parent / f".{target.name}.{os.getpid()}.{name}" for name in ("draft", "past")
    )
    draft.mkdir(parents=True)
    try:
        for name, content in files.items():
            _write(draft / name, (content,))
        if check is not None:
            check(draft)
        if not target.exists():
            draft.rename(target)
            return
        target.rename(past)
        try:
            draft.rename(target)
        except BaseException:
            past.rename(target)
            raise
        shutil.rmtree(past)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
