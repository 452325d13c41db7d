"""Files of publishers' formats, made up, in place of those of a data set of text."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile

from jaxmed.data import catalogue, columns
from jaxmed.data.datasets.entry import RemoteFile


def published(monkeypatch, tmp_path, module, constant, name, contents):
    """Make `contents`, by file name, the publisher's files of the data set `name`."""
    files = []
    for file, content in contents.items():
        path = tmp_path / "manual" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        md5 = hashlib.md5(content).hexdigest()
        files.append(RemoteFile(file, f"https://127.0.0.1/{file}", md5))
    entry = dataclasses.replace(catalogue.ENTRIES[name], files=tuple(files))
    monkeypatch.setattr(module, constant, entry)

    def read(split):
        places = {"data_dir": tmp_path / "data", "manual_dir": tmp_path / "manual"}
        return columns(catalogue.open_split(name, split, **places))

    return read


def tarred(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()
