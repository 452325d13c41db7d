"""The rows that a file holds, in the shape that an exported model reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from jaxmed.data.studies.volume import Volume
    from jaxmed.deploy.card import Card
    from jaxmed.typing import Columns

Window = tuple[float, float] | None
_MOST_BYTES = 1 << 32  # of arrays


def read_cases(card: Card, path: Path, window: Window = None) -> Columns:
    """The rows of a file, or of a folder that holds one DICOM series.

    Args:
        card: of the model that is to read them.
        path: a PNG or JPEG image, a DICOM image or series, a NIfTI volume, a CSV file with the
            features by name, or arrays of NumPy: .npy with one row or [rows, ...], .npz by name.
        window: center and width of the measured values that become black and white, for DICOM and
            NIfTI where the model reads gray levels.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is broken, of another kind, or not what the model reads.
    """
    if not path.exists():
        raise FileNotFoundError(f"the file is {str(path)!r}, but there is no such file.")
    if path.name.lower().endswith(".npz"):
        return _named_arrays(card, path)
    if len(card.inputs) != 1:
        raise ValueError(
            f"the model reads {', '.join(card.inputs)}, but {path} holds one kind of them: save "
            "all as arrays by name in a file .npz."
        )
    ((name, wanted),) = card.inputs.items()
    read = _reader(path)
    if read is _table:
        return _table(card, path)
    return {name: read(path, wanted, window)}


def _reader(path: Path) -> Callable[..., Any]:
    name = path.name.lower()
    for endings, read in _READERS.items():
        if name.endswith(endings):
            return read
    if path.is_dir():
        return _study
    raise ValueError(
        f"the file is {str(path)!r}, but must be PNG, JPEG, DICOM (.dcm, or a folder with one "
        "series), NIfTI, CSV, .npy or .npz: convert it."
    )


def _image(path: Path, wanted: Mapping[str, Any], window: Window) -> np.ndarray:
    """A picture as `data.from_image_folder` reads and resizes it, one row."""
    import numpy as np

    from jaxmed.data.readers.image_file import image_shape
    from jaxmed.data.readers.image_folder import ImageFolder

    del window
    shape = wanted["shape"]
    if len(shape) != 3 or shape[2] not in (1, 3) or wanted["dtype"] != "uint8":
        raise _other_kind(path, wanted)
    found = image_shape(path)
    if list(found) != shape[:2]:
        _say_resized(path, found, shape[:2])
    size = (shape[0], shape[1])
    return ImageFolder((path,), np.zeros(1, np.int32), (), shape[2], size)[0]["image"][None]


def _study(path: Path, wanted: Mapping[str, Any], window: Window) -> np.ndarray:
    """A DICOM or NIfTI study, stretched to the shape that the model reads."""
    from jaxmed.data.studies import volume
    from jaxmed.data.studies.window import apply_window, fixed_window

    *shape, channels = wanted["shape"] or [0]
    if channels != 1 or wanted["dtype"] not in ("uint8", "float32"):
        raise _other_kind(path, wanted)
    if (wanted["dtype"] == "uint8") != (window is not None):
        needed = "gray levels: give --window CENTER WIDTH, as in training."
        measured = "measured values: leave --window out."
        raise ValueError(f"the model reads {measured if window else needed}")
    stored = _measured(path)
    if stored.values.ndim != len(shape):
        raise _other_kind(path, wanted)
    if list(stored.values.shape) != shape:
        _say_resized(path, stored.values.shape, shape)
    resized = volume.resize(stored, shape=shape)
    if window is None:
        return resized.values[None, ..., None]
    return apply_window(resized, fixed_window(*window)(resized.values))[None, ..., None]


def _measured(path: Path) -> Volume:
    from jaxmed.data.studies.dicom import read_file
    from jaxmed.data.studies.dicom_series import read_dicom_series, read_image, read_series
    from jaxmed.data.studies.nifti import is_nifti, read_nifti

    if path.is_dir():
        return read_dicom_series(path)
    if is_nifti(path):
        return read_nifti(path)
    file = read_file(path, None)
    if file is None:
        raise ValueError(f"{path} is a DICOM file without an image: choose another.")
    if file.error:
        raise ValueError(file.error)
    return read_image(file) if len(file.frames) == 1 else read_series((file,))


def _array(path: Path, wanted: Mapping[str, Any], window: Window) -> np.ndarray:
    """One row, or [rows, ...], of the type that the model reads."""
    del window
    found = _loaded(path)
    shape = tuple(wanted["shape"])
    rows = found[None] if found.shape == shape else found
    if rows.shape[1:] != shape or not len(rows) or str(found.dtype) != wanted["dtype"]:
        raise ValueError(
            f"{path} holds an array of shape {found.shape} and dtype {found.dtype}, but the model "
            f"reads rows of shape {shape} and dtype {wanted['dtype']}: convert it."
        )
    return rows


def _named_arrays(card: Card, path: Path) -> Columns:
    found = _loaded(path)
    missing = [name for name in card.inputs if name not in found]
    if missing:
        raise ValueError(
            f"{path} holds {', '.join(found) or 'nothing'}, but the model reads "
            f"{', '.join(card.inputs)}: add {', '.join(missing)}."
        )
    return {name: found[name] for name in card.inputs}


def _loaded(path: Path) -> Any:
    import zipfile

    import numpy as np

    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path} is no file of at most {_MOST_BYTES:,} bytes: make it smaller.")
    try:
        if path.name.lower().endswith(".npz"):
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > _MOST_BYTES:
                raise ValueError(f"it unpacks to {unpacked:,} bytes")
        found = np.load(path, allow_pickle=False)
        return found if isinstance(found, np.ndarray) else dict(found)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no file of NumPy arrays ({error}): save it again.") from error


def _table(card: Card, path: Path) -> Columns:
    from jaxmed.data.readers.table import from_csv

    if card.table:
        return _encoded(card, path)
    if "features" not in card.inputs:
        raise _other_kind(path, next(iter(card.inputs.values())))
    if not card.feature_names:
        raise ValueError(
            f"{path} is a table, but the model names no features: export it with feature_names, or "
            "give arrays."
        )
    # In the order of the card, wherever the columns stand in the file.
    return from_csv(path, features=card.feature_names, label=None, classes=None).columns


def _encoded(card: Card, path: Path) -> Columns:
    """A table as it is, encoded as the training rows were; says what lies outside of them."""
    from jaxmed.data.tables import read_table
    from jaxmed.data.tables.schema import schema_of_words

    schema = schema_of_words(card.table)
    features = schema.encode(read_table(path))
    for sentence in schema.outside(features):
        print(f"{path}: {sentence}", file=sys.stderr)
    return {"features": features}


def _other_kind(path: Path, wanted: Mapping[str, Any]) -> ValueError:
    return ValueError(
        f"{path} is no input of this model, which reads rows of shape {wanted['shape']} and dtype "
        f"{wanted['dtype']}: give such a file."
    )


def _say_resized(path: Path, found: Any, wanted: Any) -> None:
    sizes = (" x ".join(str(length) for length in size) for size in (found, wanted))
    print(f"{path} was resized from {' to '.join(sizes)}.", file=sys.stderr)


_READERS: Mapping[tuple[str, ...], Callable[..., Any]] = {
    (".png", ".jpg", ".jpeg"): _image,
    (".dcm", ".nii", ".nii.gz"): _study,
    (".npy",): _array,
    (".csv", ".tsv"): _table,
}
