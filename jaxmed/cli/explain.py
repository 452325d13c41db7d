"""`jaxmed explain`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jaxmed.cli.predict import check_texts, given_up_after, one_of_both, printed

if TYPE_CHECKING:
    import numpy as np

    from jaxmed.deploy.load import Loaded
    from jaxmed.typing import Columns

_LARGEST = 5  # contributions that are printed
_EXACT = 10  # features up to which Shapley values are exact
_BLOCKS = 7  # of an image along each side, for what is printed


def explain(
    run: Path,
    /,
    *,
    text: str = "",
    input: Path | None = None,  # noqa: A002 (the name of the option)
    row: int = 1,
    method: Literal["occlusion", "rise", "shapley"] | None = None,
    target: str | None = None,
    background: Path | None = None,
    window: tuple[float, float] | None = None,
    output: Path = Path("explanation.png"),
    timeout: float = 3600.0,
) -> None:
    """Say what an answer of the exported model of a run rests on, and write a picture of it.

    A contribution is how much of the score, such as the logit of the class, is owed to a part
    of the input: by how much the score falls while that part is covered (occlusion), the mean score
    of random masks that show it (RISE), or its Shapley value against rows of a background. It tells
    about the model, not about the disease. A model is a program: explain only those you trust.

    Args:
        run: the folder of the run, or its folder `model`.
        text: a text, for a model of texts.
        input: a file as for `jaxmed predict --file`.
        row: which row of the file, counted from 1.
        method: by default occlusion, and Shapley values for features.
        target: the class to explain; by default the one that the model answers.
        background: a file of rows to compare with, such as some of the training data; needed for
            Shapley values.
        window: center and width of the measured values of DICOM or NIfTI that become black and
            white, as in training, for a model that reads gray levels.
        output: where to write the picture, as PNG.
        timeout: seconds after which a model that does not answer is given up.
    """
    one_of_both([text] if text else [], input, "--input")
    if output.suffix.lower() != ".png":
        raise ValueError(f"--output is {str(output)!r}, but must end in .png: it is a picture.")
    with given_up_after(timeout, run):
        _explain(run, text, input, row, method, target, background, window, output)


def _explain(
    run: Path,
    text: str,
    file: Path | None,
    row: int,
    method: str | None,
    target: str | None,
    background: Path | None,
    window: tuple[float, float] | None,
    output: Path,
) -> None:
    from jaxmed.cli.cases import read_cases
    from jaxmed.deploy.load import load
    from jaxmed.files import write_whole

    loaded = load(run)
    if file is None:
        case = _row(_of_text(loaded, text), row)
    else:
        case = _row(read_cases(loaded.card, file, window), row)
    name = next(iter(loaded.card.inputs))
    row_of_numbers = name == "features" or case[name].ndim == 2
    tokens = row_of_numbers and name != "features" and case[name].dtype.kind == "i"
    method = method or ("shapley" if row_of_numbers and not tokens else "occlusion")
    rows = None if background is None else read_cases(loaded.card, background, window)
    answer, number, score = _answer(loaded, case, target)
    weights = _weights(loaded, case, number, method, rows, case[name])[0]
    shown = _Shown(loaded, case[name][0], weights, answer, tokens, method)
    print(f"{printed(answer)}: {score:.6f}")
    for what, weight in shown.largest():
        print(f"{weight:+.6f}", printed(what), sep="\t")
    write_whole(output, shown.picture())
    print(output)


def _of_text(loaded: Loaded, text: str) -> Columns:
    from jaxmed.data.text import tokenizers
    from jaxmed.deploy.answers import cut_off

    cut_off(loaded, [text])  # refuses a model of other things
    check_texts(loaded, [text], None)
    assert loaded.tokenizer is not None
    assert loaded.card.length is not None
    encoded = tokenizers.encode(
        loaded.tokenizer, [text], length=loaded.card.length, boundaries=loaded.card.boundaries
    )
    return {"tokens": encoded}


def _row(columns: Mapping[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
    rows = len(next(iter(columns.values())))
    if not 1 <= row <= rows:
        raise ValueError(f"--row is {row}, but the file has the rows 1 to {rows}: choose one.")
    return {name: column[row - 1 : row] for name, column in columns.items()}


def _answer(model: Loaded, case: Columns, target: str | None) -> tuple[str, int | None, float]:
    """What is explained, its number among the scores and its score."""
    import numpy as np

    from jaxmed.data import batches
    from jaxmed.explain.explained import score_names, target_number

    if model.task.judge.scores is None:
        raise ValueError(
            "the model has no scores to explain: export it again from a task whose judge has some."
        )
    outputs, _ = model.intermediates(batches.numeric(case))
    scores = np.asarray(model.task.judge.scores(outputs))
    if scores.ndim == 1:
        if target is not None:
            raise ValueError(f"--target is {target!r}, but the model gives a number: leave it out.")
        return "predicted", None, float(scores[0])
    count = scores.shape[1]
    names = score_names(model.task.judge, count) or [str(number) for number in range(count)]
    if target is not None:
        number = target_number("--target", target, count, names)
    else:
        answered = _answered_class(model, case, count)
        number = int(scores[0].argmax()) if answered is None else answered
    return names[number], number, float(scores[0, number])


def _answered_class(model: Loaded, case: Columns, count: int) -> int | None:
    """The class that the model answers, which may have a threshold; None where it answers none."""
    from jaxmed.evaluation import predict

    for name, column in predict(model.answering, case).items():
        words = model.card.names.get(name, ())
        if column.ndim == 1 and column.dtype.kind in "iu" and len(words) == count:
            return int(column[0])
    return None


def _weights(
    model: Any,
    case: Columns,
    number: int | None,
    method: str,
    background: Any,
    value: np.ndarray,
) -> np.ndarray:
    from jaxmed import explain

    options: dict[str, Any] = {} if number is None else {"target": number}
    if method == "shapley":
        if background is None:
            raise ValueError(
                "--method is shapley, which compares with other rows: give --background, a file "
                "with some rows of the training data."
            )
        exact = value[0].size <= _EXACT
        shapley = explain.exact_shapley if exact else explain.kernel_shap
        return shapley(model, case, background, **options)
    words = value.ndim == 2 and value.dtype.kind == "i"
    if words and method == "rise":
        raise ValueError("--method is rise, which covers parts of images: use occlusion.")
    # A covered word is unknown, whatever covers it; everything else is covered by its own mean.
    cover = 0.0 if words else float(value.mean())
    if method == "occlusion":
        return explain.occlusion(model, case, baseline=cover, **options)
    found = explain.rise(model, case, baseline=cover, **options)
    return found - found.mean()  # only places of one input can be compared


@dataclasses.dataclass(frozen=True)
class _Shown:
    """An explanation in words and as a picture."""

    loaded: Loaded
    value: np.ndarray
    weights: np.ndarray
    answer: str
    tokens: bool
    method: str

    def largest(self) -> list[tuple[str, float]]:
        """The largest contributions with what they belong to."""
        names, weights = self._parts()
        order = sorted(range(len(names)), key=lambda place: -abs(weights[place]))
        return [(names[place], weights[place]) for place in order[:_LARGEST]]

    def picture(self) -> bytes:
        """A PNG."""
        import numpy as np

        from jaxmed.plots import attribution_bars
        from jaxmed.plots.png import picture
        from jaxmed.report.input_pictures import input_picture

        if self.value.ndim < 3 or self.value.shape[-1] not in (1, 3):
            names, bars = self._parts()
            return picture(attribution_bars(np.array(bars), names), self.answer).content
        image, weights = self.value, self.weights
        if image.ndim == 4:  # of a volume the slice that counts most
            place = int(np.abs(weights).sum(axis=(1, 2, 3)).argmax())
            image, weights = image[place], weights[place]
        return input_picture(image, weights, answer=self.answer, caption=self.answer).content

    def _parts(self) -> tuple[list[str], list[float]]:
        if self.tokens and self.loaded.tokenizer is not None:
            return self._tokens()
        if self.value.ndim == 1:
            names = self.loaded.card.feature_names
            one = "token" if self.tokens else "feature"
            names = names or [f"{one} {number}" for number in range(1, len(self.value) + 1)]
            said = [f"{n} = {v:.6g}" for n, v in zip(names, self.value.tolist(), strict=True)]
            return said, self.weights.tolist()
        # Shapley values add up; the others say the same of all numbers that were covered together.
        if self.method == "shapley":
            return _blocks(self.weights.sum(axis=-1), added=True)
        return _blocks(self.weights.mean(axis=-1), added=False)

    def _tokens(self) -> tuple[list[str], list[float]]:
        assert self.loaded.tokenizer is not None
        places = [place for place, token in enumerate(self.value.tolist()) if token]
        words = [self.loaded.tokenizer.id_to_token(int(self.value[place])) for place in places]
        named = [f"{word} (token {place + 1})" for word, place in zip(words, places, strict=True)]
        return named, [float(self.weights[place]) for place in places]


def _blocks(weights: np.ndarray, *, added: bool) -> tuple[list[str], list[float]]:
    """The sum or mean of each of 7 blocks along each side, with its place counted from 1."""
    import itertools

    import numpy as np

    axes: Sequence[str] = ("slices", "rows", "columns")[-weights.ndim :]
    parts = [np.array_split(np.arange(side), min(_BLOCKS, side)) for side in weights.shape]
    names, sums = [], []
    for block in itertools.product(*parts):
        ends = (
            f"{name} {part[0] + 1}-{part[-1] + 1}" for name, part in zip(axes, block, strict=True)
        )
        names.append(", ".join(ends))
        part = weights[np.ix_(*block)]
        sums.append(float(part.sum() if added else part.mean()))
    return names, sums
