"""Whatever happens to a file of a folder, the manifest says so and names it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import pytest

from jaxmed.runs import manifest
from jaxmed.runs.manifest import (
    MANIFEST,
    DamagedError,
    remove_manifest,
    verify_files,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Of a run: with a checkpoint, which has a manifest of its own, and files in two encodings."""
    run = tmp_path / "run"
    (run / "last" / "7" / "d").mkdir(parents=True)
    (run / "plots").mkdir()
    (run / "config.json").write_text('{"batch_size": 8}\n')
    (run / "plots" / "Ä b.png").write_bytes(bytes(range(256)))
    (run / "last" / "7" / "d" / "0").write_bytes(random.Random(0).randbytes(300))
    (run / "last" / "7" / "empty").write_bytes(b"")
    write_manifest(run / "last" / "7")
    write_manifest(run)
    return run


def test_sums_are_those_of_hashlib(folder):
    listed = json.loads((folder / MANIFEST).read_text())["sha256"]
    assert set(listed) == {"config.json", "plots/Ä b.png", "last/7/manifest.json"}
    for name, found in listed.items():
        assert found == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert verify_files(folder) == 6


def test_no_damage_is_silent(folder):
    draw = random.Random(1)
    files = [path for path in folder.rglob("*") if path.is_file()]
    kept = folder.parent / "kept"
    shutil.copytree(folder, kept)
    for _ in range(400):
        file = draw.choice(files)
        content = bytearray(file.read_bytes())
        damage = draw.choice(("flip", "cut", "remove", "append", "empty"))
        if damage == "flip" and content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        elif damage == "cut" and content:
            del content[draw.randrange(len(content)) :]
        elif damage == "empty" and content:
            content.clear()
        else:
            content.append(draw.randrange(256))
        file.unlink() if damage == "remove" else file.write_bytes(content)
        with pytest.raises(DamagedError) as caught:
            verify_files(folder)
        # A damaged manifest of a checkpoint is named by the run's, which lists its checksum.
        assert str(file) in str(caught.value), (damage, file)
        file.write_bytes((kept / file.relative_to(folder)).read_bytes())
    verify_files(folder)


@pytest.mark.parametrize("name", ["new.txt", "plots/new.txt", "last/7/d/new", ".hidden"])
def test_a_file_that_was_not_there_is_named(folder, name):
    (folder / name).write_text("stray")
    with pytest.raises(DamagedError, match=f"{name} was not there when the folder was written"):
        verify_files(folder)


def test_pipes_and_links_are_not_followed_for_ever(folder):
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(DamagedError, match=r"config\.json is a link, pipe or device"):
        verify_files(folder)
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(folder)
    with pytest.raises(DamagedError, match=r"config\.json is a link, pipe or device"):
        verify_files(folder)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"sha256": 3}', '{"sha256": {}}', "[" * 100_000, "\udcff"]
)
def test_a_manifest_of_other_content_is_damaged(folder, content):
    (folder / MANIFEST).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DamagedError):
        verify_files(folder)


def test_without_a_manifest_nothing_is_believed(folder):
    remove_manifest(folder)
    with pytest.raises(DamagedError, match=r"manifest\.json is missing or damaged"):
        verify_files(folder)


def test_a_renewed_manifest_lists_what_changed(tmp_path):
    (tmp_path / "a").write_text("1")
    with manifest.renewed(tmp_path):
        (tmp_path / "b").write_text("2")
    assert not (tmp_path / manifest.MANIFEST).exists()  # it had none
    manifest.write_manifest(tmp_path)
    with manifest.renewed(tmp_path):
        assert not (tmp_path / manifest.MANIFEST).exists()
        (tmp_path / "b").write_text("3")
    assert manifest.verify_files(tmp_path) == 3
    with pytest.raises(OSError, match="full"), manifest.renewed(tmp_path):
        raise OSError("full")
    assert manifest.verify_files(tmp_path) == 3  # nothing changed
    (tmp_path / "a").write_text("9")
    with pytest.raises(manifest.DamagedError, match="has changed"), manifest.renewed(tmp_path):
        raise AssertionError("not reached")
