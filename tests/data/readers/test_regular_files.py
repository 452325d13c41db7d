"""Which files of a folder are read: regular ones that are not hidden; what is lost is said."""

import os
import socket

import pytest

from jaxmed.data import from_image_folder, from_studies, from_text_folder, read_dicom_series
from jaxmed.data.readers.regular_files import is_regular, list_files


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / ".archive"  # hidden itself, which does not matter
    for name in ("b.txt", "sub/a.txt", ".hidden.txt", ".git/x.txt", "sub/._a.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    os.mkfifo(root / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as special:
        here = os.getcwd()
        os.chdir(root)  # names of sockets must be short
        special.bind("socket.txt")
        os.chdir(here)
    return root


def test_hidden_and_special_files_are_left_alone(folder):
    found = list_files(folder, recursive=True)
    assert found.files == (folder / "b.txt", folder / "sub" / "a.txt")
    assert list_files(folder, recursive=False).files == (folder / "b.txt",)
    assert not found.missing


def test_links_are_followed_to_files_only_and_what_they_lose_is_said(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "file").touch()
    links = {
        "good": tmp_path / "file",
        "gone": tmp_path / "nothing",
        "loop": folder / "loop",
        "back": folder,
        "beside": folder / "sub",
        "away": tmp_path / "elsewhere",
    }
    for name, target in links.items():
        (folder / "sub" / name).symlink_to(target)
    found = list_files(folder, recursive=True)
    assert [path.name for path in found.files] == ["b.txt", "a.txt", "good"]
    assert {path.name for path in found.missing} == {"gone", "loop", "away"}
    assert "sub/gone is a link to a file that does not exist" in found.missing[folder / "sub/gone"]
    assert "sub/away is a link to a folder elsewhere" in found.missing[folder / "sub/away"]
    assert not is_regular(folder / "sub" / "gone")
    assert not is_regular(folder / "pipe.txt")


def test_a_folder_that_cannot_be_listed_is_said(folder, monkeypatch):
    listed = os.scandir

    def scandir(path):
        if path == folder / "sub":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = list_files(folder, recursive=True)
    assert found.files == (folder / "b.txt",)
    (reason,) = found.missing.values()
    assert f"{folder / 'sub'} cannot be listed (Permission denied)" in reason


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        (from_image_folder, "a/x.png"),
        (from_text_folder, "a/x.txt"),
        (lambda path: from_studies(path, shape=(2, 2)), "x.dcm"),
        (read_dicom_series, "x.dcm"),
    ],
)
def test_every_reader_names_a_link_to_nothing(reader, name, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to("nothing")
    with pytest.raises(ValueError, match=r"x\.\w+ is a link to a file that does not exist"):
        reader(tmp_path)
