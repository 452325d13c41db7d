"""Files of sub-folders, sorted by class and then by name."""

import pytest

from jaxmed.data.readers.class_folders import find_class_files


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.txt", "b/1.TXT", "a/x.txt", "a/x.md", "a/.y.txt", ".hidden/z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("classes", [None, ("b", "a")])
def test_files_are_found_in_the_order_of_their_classes(folder, classes):
    found = find_class_files(folder, (".txt",), "texts", classes)
    files = {"a": ["x.txt"], "b": ["1.TXT", "2.txt"]}
    order = classes or ("a", "b")
    assert found.classes == order
    assert [path.name for path in found.paths] == [file for name in order for file in files[name]]
    assert [order[label] for label in found.label] == [path.parent.name for path in found.paths]


def test_sub_folders_and_classes_must_agree(folder):
    with pytest.raises(ValueError, match=r"classes names 'c', but .* has no such sub-folder"):
        find_class_files(folder, (".txt",), "texts", ("a", "b", "c"))
    with pytest.raises(ValueError, match=r"'b' is not among classes \('a',\): name"):
        find_class_files(folder, (".txt",), "texts", ("a",))
    with pytest.raises(ValueError, match=r"a holds no \.png file: add or remove it"):
        find_class_files(folder, (".png",), "images")


def test_which_of_two_classes_is_positive_is_said_where_it_was_left_open(tmp_path, caplog):
    for name in ("Parasitized", "Uninfected"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("x")
    find_class_files(tmp_path, (".txt",), "texts")
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("jaxmed", "WARNING")
    assert "the positive class is 'Uninfected', the second of the sorted" in record.message
    assert "pass classes=['Uninfected', 'Parasitized'] for the other order" in record.message
    find_class_files(tmp_path, (".txt",), "texts", ["Uninfected", "Parasitized"])
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "a.txt").write_text("x")
    find_class_files(tmp_path, (".txt",), "texts")
    assert len(caplog.records) == 1
