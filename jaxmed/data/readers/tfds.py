"""Data sets in tfds's format, prepared and read without TensorFlow."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.classes import say_positive
from jaxmed.data.source import Source, with_id

_FORMAT = "array_record"  # the format of tfds that has random access and needs no TensorFlow


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Examples of a tfds data source, with the keys and dtypes of jaxmed.

    Attributes:
        source: of tfds.
        damaged: what to say of the folder if an example cannot be read.
        classes: names in the order of their labels.
        feature_names: names of the columns of `features`.
        renumbered: [classes], the label here of each label in the folder; `None` keeps them.
    """

    source: Any
    damaged: str
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    renumbered: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        return self.__getitems__([range(len(self))[index]])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Mapping[str, np.ndarray]]:
        try:
            examples = self.source.__getitems__(list(indices))
        except (RuntimeError, OSError, ValueError, zlib.error) as error:
            raise ValueError(self.damaged.format(reason=_first_line(error))) from error
        return [self._conformed(row, each) for row, each in zip(indices, examples, strict=True)]

    def _conformed(self, row: int, example: Mapping[str, Any]) -> dict[str, np.ndarray]:
        arrays = with_id(example, row)
        if self.renumbered is not None:
            arrays["label"] = self.renumbered[arrays["label"]]
        return {key: contract.conform_example(key, value) for key, value in arrays.items()}


def from_tfds(
    name: str,
    split: str,
    *,
    classes: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    manual_dir: str | Path | None = None,
) -> Source:
    """A source of any data set of the tfds catalogue, by its tfds name.

    It is downloaded and prepared on the first call. A builder that needs TensorFlow for that
    works with the extra `tensorflow`; reading prepared data does not need it.

    Args:
        name: the tfds name, `name/config` where it has configurations.
        split: the tfds split, such as `train` or `train[:80%]`.
        classes: its class names in the order of the labels you want: for a binary diagnosis the
            disease last, to be the positive class. `None` keeps the order of tfds.
        data_dir: where tfds keeps prepared data; its own default is `~/tensorflow_datasets`.
        manual_dir: the folder with files that tfds asks you to download by hand.

    Returns:
        Examples with the keys of the tfds features and an `id`, the row in the split.

    Raises:
        ValueError: The name or the split is unknown, `classes` are others than those of the data
            set, or the prepared data are damaged.
        ImportError: It needs TensorFlow, which is not installed.
    """
    check_places(name, data_dir, manual_dir)
    checks.text("split", split)
    builder = catalogue_builder(name, data_dir=data_dir, manual_dir=manual_dir)
    named = _named_classes(builder)
    renumbered = None if classes is None else _renumbered(named, classes)
    if classes is None:
        say_positive(named, f"those that tfds names for {name}")
    source = open_builder(builder, split, name=name, classes=() if classes is None else classes)
    return dataclasses.replace(source, renumbered=renumbered)


def catalogue_builder(
    name: str,
    *,
    data_dir: str | Path | None = None,
    manual_dir: str | Path | None = None,
    more_names: Sequence[str] = (),
) -> Any:
    """The prepared builder of a tfds name; for an unknown one, `more_names` are suggested too."""
    import tensorflow_datasets as tfds

    try:
        with _quiet_stdout():
            builder = made(lambda: tfds.builder(name, data_dir=data_dir), name, data_dir)
        prepare_builder(builder, manual_dir=manual_dir)
    except tfds.core.registered.DatasetNotFoundError:
        check_name(name, more_names)
        raise
    except ImportError as error:
        if "tensorflow" not in str(error):
            raise
        raise ImportError(
            f"{name} needs TensorFlow to be prepared, which is not installed: "
            "pip install 'jaxmed[tensorflow]', then try again."
        ) from error
    return builder


def made(make: Callable[[], Any], name: str, data_dir: str | Path | None) -> Any:
    """A builder, which reads what was prepared before, if `make` can read that."""
    import tensorflow_datasets as tfds
    from google.protobuf.json_format import ParseError

    try:
        return make()
    except (ParseError, UnicodeDecodeError) as error:
        folder = Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
        raise ValueError(
            f"{folder} holds a damaged dataset_info.json of {name} ({_first_line(error)}): remove "
            f"the folder of {name} there and run `jaxmed prepare {name}`."
        ) from error


def check_places(name: str, data_dir: str | Path | None, manual_dir: str | Path | None) -> None:
    """Refuse a name that is no text and folders that are no paths."""
    checks.text("name", name)
    for argument, place in {"data_dir": data_dir, "manual_dir": manual_dir}.items():
        if place is not None:
            checks.path(argument, place)


def check_name(name: str, more_names: Sequence[str] = ()) -> None:
    """Refuse a name that is neither in the tfds catalogue nor in `more_names`; suggest others."""
    import tensorflow_datasets as tfds

    names = {*more_names, *tfds.list_builders(with_community_datasets=False)}
    stem = name.split("/")[0].split(":")[0]
    if stem in names:
        return
    near = checks.nearest(stem, sorted(names))
    hint = f"did you mean {' or '.join(near)}?" if near else "`jaxmed datasets` lists the names."
    raise ValueError(f"name is {name!r}, which is not a data set of jaxmed or tfds: {hint}")


def prepare_builder(builder: Any, *, manual_dir: str | Path | None = None) -> None:
    """Download and prepare once.

    tfds writes into a temporary folder and renames it when it is complete, so data that is only
    half prepared is never used.
    """
    import tensorflow_datasets as tfds

    if manual_dir is not None and not Path(manual_dir).is_dir():
        raise FileNotFoundError(f"manual_dir is {str(manual_dir)!r}, but there is no such folder.")
    if Path(builder.data_path).exists():
        return
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    config = tfds.download.DownloadConfig(
        manual_dir=None if manual_dir is None else str(Path(manual_dir).resolve()),
        try_download_gcs=False,
    )
    with _quiet_stdout():
        try:
            builder.download_and_prepare(download_config=config, file_format=_FORMAT)
        except OSError:
            if not Path(builder.data_path).exists():
                raise
            # Another process prepared the same data meanwhile and renamed it first.
            builder.info.read_from_directory(builder.data_path)


def open_builder(
    builder: Any,
    split: str,
    *,
    name: str,
    classes: Sequence[str] = (),
    feature_names: Sequence[str] = (),
) -> Prepared:
    """The source of one split of a prepared builder.

    Args:
        builder: whose data are prepared.
        split: the tfds split.
        name: by which a user prepares it, for messages.
        classes: names in the order of their labels; by default those of the builder.
        feature_names: names of the columns of `features`.
    """
    damaged = (
        f"{builder.data_path}".replace("{", "{{").replace("}", "}}")
        + f" holds damaged data ({{reason}}): remove that folder and run `jaxmed prepare {name}`."
    )
    if not builder.info.splits:
        raise ValueError(damaged.format(reason="dataset_info.json names no split"))
    stems = re.findall(r"[A-Za-z_][\w-]*(?=\[|\+|$)", split.replace(" ", ""))
    for stem in stems or [split]:
        checks.known("split", stem, builder.info.splits)
    try:
        source = builder.as_data_source(split)
    except (NotImplementedError, ValueError) as error:
        if "random access" in str(error).lower():
            raise ValueError(
                f"{builder.data_path} holds {builder.name} in a format without random access: "
                "pass another data_dir, to prepare it there again."
            ) from error
        raise ValueError(
            f"split is {split!r}, which holds no rows ({_first_line(error)}): write it as "
            "train, train[:80%] or train[100:200]."
        ) from error
    for file in (file for stem in stems for file in builder.info.splits[stem].filepaths):
        if not Path(file).is_file():
            raise ValueError(damaged.format(reason=f"{Path(file).name} is missing"))
    names = tuple(classes) or _named_classes(builder)
    opened = Prepared(source, damaged, names, tuple(feature_names))
    if len(opened):
        opened[len(opened) - 1]  # a file that was cut off cannot be opened, which is found here
    return opened


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _renumbered(present: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    contract.check_class_names(classes)
    if sorted(present) != sorted(classes):
        raise ValueError(
            f"classes is {tuple(classes)}, but the data set has {tuple(present)}: name each of "
            "them once, in the order you want."
        )
    return np.array([list(classes).index(name) for name in present], np.int32)


def _named_classes(builder: Any) -> tuple[str, ...]:
    features = builder.info.features
    label = features["label"] if features and "label" in features else None
    return tuple(getattr(label, "names", None) or ())


def _quiet_stdout() -> contextlib.AbstractContextManager[Any]:
    """Keep tfds's messages off stdout, which belongs to the calling program."""
    return contextlib.redirect_stdout(io.StringIO())
