"""The manifest of a folder: a checksum of every file in it, compared before anything is believed.

A file system, a copy over the network or an editor can change a file without a word. A parameter
with one flipped bit is another number, and nothing else would say so.

Checkpoints and exported models carry a manifest of their own; that of a run, written when all is
complete, lists theirs beside its other files.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaxmed.files import write_whole
from jaxmed.runs.lock import LOCK

MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_LARGEST = 1 << 26  # bytes of a manifest: a million files


class DamagedError(ValueError):
    """A folder does not hold the files that its manifest lists."""


def write_manifest(folder: Path) -> None:
    """Write `manifest.json`: the checksums of all other files below `folder`, and one of the list.

    Of a sub-folder with a manifest only that is listed.
    """
    write_whole(folder / MANIFEST, _text({name: _sha256(folder / name) for name in _files(folder)}))


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """What `write_manifest` writes for a folder that holds these files."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return _text(dict(sorted(sums.items()))).encode()


def remove_manifest(folder: Path) -> None:
    """Before files of the folder change."""
    (folder / MANIFEST).unlink(missing_ok=True)


@contextlib.contextmanager
def renewed(folder: Path) -> Iterator[None]:
    """Change files of a complete run: its manifest is compared first, and written anew at the end.

    A folder without a manifest, such as that of a run that has not ended, does not get one.

    Raises:
        DamagedError: A file is not as the manifest says; nothing was changed.
    """
    path = folder / MANIFEST
    if not path.exists():
        yield
        return
    verify_files(folder)  # what is damaged must not be listed anew
    past = path.read_bytes()
    remove_manifest(folder)
    try:
        yield
    except BaseException:
        write_whole(path, past)
        raise
    write_manifest(folder)


def verify_files(folder: Path) -> int:
    """Compare every file below `folder` with the manifest, those of its sub-folders included.

    Returns:
        How many files there are, manifests included.

    Raises:
        DamagedError: A file is missing, changed or not listed, or the manifest itself is. The
            message names the file.
    """
    expected = _listed(folder / MANIFEST)
    present = set(_files(folder))
    for name in sorted(set(expected) - present):
        raise DamagedError(f"{folder / name} is missing")
    for name in sorted(present - set(expected)):
        raise DamagedError(f"{folder / name} was not there when the folder was written")
    count = 1 + len(expected)
    for name in sorted(present):
        file = folder / name
        _refuse_irregular(file)
        if _sha256(file) != expected[name]:
            raise DamagedError(f"{file} has changed since it was written")
        if file.name == MANIFEST:
            count += verify_files(file.parent) - 1
    return count


def _listed(path: Path) -> dict[str, str]:
    _refuse_irregular(path)
    try:
        content = path.read_text(encoding="utf-8") if path.stat().st_size <= _LARGEST else ""
        sums = json.loads(content)["sha256"]
        same = content == _text(sums)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(f"{path} is missing or damaged") from error
    if not same or not isinstance(sums, dict):
        raise DamagedError(f"{path} is damaged")
    return sums


def _text(sums: object) -> str:
    own = hashlib.sha256(json.dumps(sums).encode()).hexdigest()
    return json.dumps({"sha256": sums, "sha256_of_these": own}, indent=2) + "\n"


def _refuse_irregular(path: Path) -> None:
    """A pipe would never end, and a link leads out of the folder."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise DamagedError(f"{path} is a link, pipe or device instead of a file")


def _files(folder: Path) -> Iterator[str]:
    """Paths of the files that the folder's own manifest lists, in order."""
    for path in sorted(folder.iterdir()):
        if path.name in (MANIFEST, LOCK):
            continue
        if not path.is_dir() or path.is_symlink():
            yield path.name
        elif (path / MANIFEST).is_file():
            yield f"{path.name}/{MANIFEST}"
        else:
            yield from (f"{path.name}/{name}" for name in _files(path))


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
