"""The most confident mistakes of a model: what it read, what it answered, and why.

A mistake is a row whose answered class is not the true one, ordered by the probability of the wrong
class; of a number, the rows with the largest errors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.data import batches, source
from jaxmed.data.source import Source
from jaxmed.report.input_pictures import input_picture
from jaxmed.report.split_rows import SplitRows
from jaxmed.tasks import Model
from jaxmed.typing import Columns

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Attribution: TypeAlias = Callable[[Model, Columns], np.ndarray]
"""(model, rows) -> what each number that the model reads adds to its answer [rows, ...]."""
_SHOWN_FEATURES = 8
_STRONG = 0.5  # of the strongest word


def wrong_rows(rows: SplitRows, most: int) -> np.ndarray:
    """The numbers of the rows with the most confident mistakes, first the worst.

    Args:
        rows: of the test split.
        most: rows at most.
    """
    if rows.chosen is not None:
        badness = np.where(rows.chosen != rows.truth, rows.confidence, -np.inf)
    else:
        badness = np.abs(rows.answer - rows.truth)
    order = np.argsort(-badness, kind="stable")[:most]
    return order[badness[order] > -np.inf]


@dataclasses.dataclass(frozen=True)
class Reader:
    """How rows of the data are shown.

    Attributes:
        model: that made the mistakes.
        data: columns or source of the split.
        attribution: explains its answers, or None.
        tokenizer: of its texts, or None.
        feature_names: of the columns of features; empty where not known.
    """

    model: Model
    data: Columns | Source
    attribution: Attribution | None
    tokenizer: Tokenizer | None
    feature_names: Sequence[str]

    def shown(
        self, numbers: np.ndarray, answers: Sequence[str]
    ) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
        """What `mistakes.json` holds of the input of each row, and the pictures by file name.

        Args:
            numbers: of the rows.
            answers: what the model said of each.
        """
        if len(numbers) == 0:
            return [], {}
        batch = rows_at(self.model, self.data, numbers)
        explained = None if self.attribution is None else self._explained(batch)
        found, files = [], {}
        for place, answer in enumerate(answers):
            row = {name: np.asarray(column[place]) for name, column in batch.items()}
            weights = None if explained is None else explained[place]
            words, content = self._input(row, weights, answer)
            if content is not None:
                words["picture"] |= {"file": f"mistake_{place}.png"}
                files[f"mistake_{place}.png"] = content
            found.append(words)
        return found, files

    def _explained(self, batch: Columns) -> np.ndarray:
        assert self.attribution is not None
        weights = checks.real_array("attribution", self.attribution(self.model, batch))
        rows = len(next(iter(batch.values())))
        if weights.ndim == 0 or len(weights) != rows or not np.isfinite(weights).all():
            raise ValueError(
                f"attribution gives {checks.shown(weights)} for {rows} rows, but must give finite "
                "numbers [rows, ...]: correct it."
            )
        return weights

    def _input(
        self, row: Columns, weights: np.ndarray | None, answer: str
    ) -> tuple[dict[str, Any], bytes | None]:
        if (image := _image(row)) is not None:
            fitting = _of_slice(weights, image)
            caption = f"Answer: {answer}."
            if weights is not None and fitting is None:
                caption += " The attribution is not one number per pixel."
            drawn = input_picture(image, fitting, answer=answer, caption=caption)
            words = {"alt": drawn.alt, "width": drawn.width, "height": drawn.height}
            return {"picture": words}, drawn.content
        if (text := self._text(row)) is not None:
            return {"words": _words(text, weights)}, None
        if "features" in row and row["features"].ndim == 1:
            return {"features": self._features(row["features"], weights)}, None
        return {}, None

    def _text(self, row: Columns) -> list[str] | None:
        if "text" in row and row["text"].dtype.kind in "UO":
            return str(row["text"]).split(" ")
        tokens = row.get("tokens")
        if tokens is None or tokens.ndim != 1 or self.tokenizer is None:
            return None
        return [self.tokenizer.id_to_token(int(token)) or "" for token in tokens if token]

    def _features(self, features: np.ndarray, weights: np.ndarray | None) -> list[list[Any]]:
        names = self.feature_names or [f"feature {number}" for number in range(len(features))]
        shown = weights if weights is not None and weights.shape == features.shape else None
        order = np.arange(len(features))
        if shown is not None:
            order = np.argsort(-np.abs(shown), kind="stable")
        return [
            [names[i], float(features[i]), None if shown is None else float(shown[i])]
            for i in order[:_SHOWN_FEATURES]
        ]


def rows_at(model: Model, data: Columns | Source, numbers: np.ndarray) -> Columns:
    """Some rows of columns or of a source, as the model reads them.

    Args:
        model: that reads them.
        data: columns or a source.
        numbers: of the rows.
    """
    data = batches.opened(model.arranged(data))
    if isinstance(data, Mapping):
        return source.take_rows({name: np.asarray(x) for name, x in data.items()}, numbers)
    found = source.batch_of(data, numbers)
    return {name: column for name, column in found.items() if name != "mask"}


def _image(row: Columns) -> np.ndarray | None:
    """The first column that can be shown: an image, or the middle slice of a volume."""
    for column in row.values():
        if column.dtype.kind not in "uf" or column.ndim not in (3, 4):
            continue
        if column.shape[-1] in (1, 3):
            return column if column.ndim == 3 else column[len(column) // 2]
    return None


def _of_slice(weights: np.ndarray | None, image: np.ndarray) -> np.ndarray | None:
    """The attribution of an image, or of the middle slice of a volume; None if it is of neither."""
    if weights is None:
        return None
    size = image.shape[:2]
    for candidate in (weights, weights[len(weights) // 2] if weights.ndim else weights):
        if candidate.shape in (size, (*size, image.shape[2]), (*size, 1)):
            return np.asarray(candidate)
    return None


def _words(text: Sequence[str], weights: np.ndarray | None) -> list[list[str]]:
    """Each word, and whether it counts strongly for or against the answer."""
    if weights is None or weights.ndim != 1 or len(weights) < len(text):
        return [[word, ""] for word in text]
    strong = _STRONG * np.abs(weights[: len(text)]).max(initial=0)
    return [
        [word, ("for" if weight > 0 else "against") if abs(weight) >= strong > 0 else ""]
        for word, weight in zip(text, weights, strict=False)
    ]
