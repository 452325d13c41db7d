"""The manifest of a folder: a checksum of every file in it, compared before anything is believed.

A file system, a copy over the network or an editor can change a file without a word. A parameter
with one flipped bit is another number, and nothing else would say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from jaxmed.files import write_whole

MANIFEST = "manifest.json"
_CHUNK = 1 << 20


class DamagedError(ValueError):
    """A folder does not hold the files that its manifest lists."""


def write_manifest(folder: Path) -> None:
    """Write `manifest.json`: `{"sha256": {path: checksum}}` of all other files below `folder`."""
    write_whole(folder / MANIFEST, _text({name: _sha256(folder / name) for name in _files(folder)}))


def verify(folder: Path) -> None:
    """Compare every file below `folder` with the manifest.

    Raises:
        DamagedError: A file is missing, changed or not listed, or the manifest itself is. The
            message names the file.
    """
    path = folder / MANIFEST
    try:
        content = path.read_text(encoding="utf-8")
        expected = json.loads(content)["sha256"]
        same = content == _text(expected)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(f"{path} is missing or damaged") from error
    if not same or not isinstance(expected, dict):
        raise DamagedError(f"{path} is damaged")
    present = set(_files(folder))
    for name in sorted(present | set(expected)):
        if name not in present:
            raise DamagedError(f"{folder / name} is missing")
        if name not in expected:
            raise DamagedError(f"{folder / name} was not there when the folder was written")
        if _sha256(folder / name) != expected[name]:
            raise DamagedError(f"{folder / name} has changed since it was written")


def _text(sums: object) -> str:
    return json.dumps({"sha256": sums}, indent=2) + "\n"


def _files(folder: Path) -> Iterator[str]:
    """Paths of the files below the folder, without the manifest, in order."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name != MANIFEST and not path.is_dir():
            yield name


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
