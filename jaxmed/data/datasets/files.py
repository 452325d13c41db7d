"""A publisher's file, verified: from the user's folder, from an earlier call, or downloaded.

Publishers of medical data give md5 checksums or keep their files in git; tfds's download manager
needs sha256. So the checksums are verified here, on the same file that is then read.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from jaxmed.data.datasets.entry import RemoteFile

_CHUNK = 1 << 20
_TIMEOUT = 30.0  # seconds without a byte


def obtain(file: RemoteFile, *, manual_dir: Path | None, download_dir: Path) -> Path:
    """The path of `file`, verified by its checksum.

    Args:
        file: what to find.
        manual_dir: searched first, for the publisher's own name, with its folder or without;
            never written to.
        download_dir: searched next. Downloads are kept here, under a name that is different for
            different files of one name, such as those of MNIST and its variants.

    Raises:
        ValueError: The file found or downloaded differs from the publisher's.
        ConnectionError: The file is in neither folder and cannot be downloaded.
    """
    name = PurePosixPath(file.name).name
    own = [] if manual_dir is None else [manual_dir / file.name, manual_dir / name]
    for path in own:
        if path.is_file():
            return _verified(path, file, "get it again")
    kept = download_dir / f"{file.checksum[:8]}-{name}"
    if kept.is_file():
        return _verified(kept, file, "delete it, to download it again")
    download_dir.mkdir(parents=True, exist_ok=True)
    try:
        if file.page:
            raise ConnectionError("its address is a web page")
        _download(file, kept)
    except ConnectionError as error:
        missing = "" if manual_dir is None else f" is not in {manual_dir} and"
        raise ConnectionError(
            f"{file.name}{missing} cannot be downloaded ({error}): {_by_hand(file)}"
        ) from error
    return kept


def _verified(path: Path, file: RemoteFile, remedy: str) -> Path:
    actual = _checksum(path, file)
    if actual != file.checksum:
        raise ValueError(
            f"{path} differs from the publisher's file: its {file.algorithm} checksum is "
            f"{actual}, but must be {file.checksum}; {remedy} from {file.url}."
        )
    return path


def _checksum(path: Path, file: RemoteFile) -> str:
    # Not for security: machines in FIPS mode allow these two only with this flag.
    if file.algorithm == "md5":
        state = hashlib.md5(usedforsecurity=False)
    else:
        state = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def _download(file: RemoteFile, kept: Path) -> None:
    """Write to a temporary name, and rename it once it is complete and verified."""
    handle, name = tempfile.mkstemp(dir=kept.parent, prefix=f"{kept.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            for chunk in _received(file):
                stream.write(chunk)
        actual = _checksum(part, file)
        if actual != file.checksum:
            raise ValueError(
                f"{file.name} was downloaded incompletely or altered: its {file.algorithm} "
                f"checksum is {actual}, but must be {file.checksum}; try again, or {_by_hand(file)}"
            )
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)


def _received(file: RemoteFile) -> Iterator[bytes]:
    """The content of the address in chunks, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    quiet = not sys.stderr.isatty()
    # Errors of the caller, such as a full disk, do not pass through here: these are the network's.
    try:
        with (
            urllib.request.urlopen(file.url, timeout=_TIMEOUT) as response,
            Progress(*columns, console=Console(stderr=True), disable=quiet) as progress,
        ):
            length = response.headers.get("Content-Length")
            bar = progress.add_task(file.name, total=int(length) if length else None)
            while chunk := response.read(_CHUNK):
                yield chunk
                progress.advance(bar, len(chunk))
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(str(getattr(error, "reason", error))) from error


def _by_hand(file: RemoteFile) -> str:
    if file.derivation:
        return (
            f"it is derived from the files at {file.url} ({file.derivation}); pass the folder that "
            "holds it as manual_dir."
        )
    return f"download it from {file.url} and pass its folder as manual_dir."
