"""Images, studies, tables and arrays as input of a command, and what is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from tasks.kinds import KINDS, untrained

from jaxmed import tasks
from jaxmed.cli.main import main
from jaxmed.data import inputs
from jaxmed.data.text import tokenizers
from jaxmed.deploy import export
from jaxmed.evaluation import predict
from jaxmed.models import RecurrentEncoder, TextClassifier
from jaxmed.tasks import Model
from jaxmed.tasks.judge import Judge
from jaxmed.transforms import with_threshold

NAMES = ["age", "creatinine", "sodium", "heart rate", "weight", "height"]


@pytest.fixture(scope="module")
def pixels(tmp_path_factory):
    """A run whose model reads images of 4 by 4 pixels."""
    directory = tmp_path_factory.mktemp("pixels")
    export(untrained("image"), directory, KINDS["image"].columns)
    return directory


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A run whose model reads six features by name."""
    directory = tmp_path_factory.mktemp("table")
    columns = KINDS["binary"].columns
    export(untrained("binary"), directory, columns, feature_names=NAMES)
    return directory


def lines(capsys):
    shown = capsys.readouterr()
    return [line.split("\t") for line in shown.out.splitlines()], shown.err


def refused(capsys, arguments, message):
    assert main(list(map(str, arguments))) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def scores(model, batch):
    """What is explained, by the model that was exported."""
    outputs = model.predict({name: jnp.asarray(column) for name, column in batch.items()})
    return np.asarray(model.task.judge.scores(outputs))


def write_table(path, order=NAMES):
    features = KINDS["binary"].columns["features"]
    places = [NAMES.index(name) for name in order]
    rows = [
        ",".join(order),
        *(",".join(map(repr, map(float, row[places]))) for row in features[:3]),
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_an_image_is_predicted_as_its_pixels(pixels, tmp_path, capsys):
    image = KINDS["image"].columns["image"][:1]
    path = tmp_path / "x.PNG"
    Image.fromarray(image[0, ..., 0]).save(path)
    assert main(["predict", str(pixels), "--file", str(path)]) == 0
    ((name, probability, row),), err = lines(capsys)
    p = predict(untrained("image"), {"image": image})["probabilities"][0]
    assert (float(probability), row) == (pytest.approx(p.max(), abs=1e-6), "1")
    assert name == f"class {p.argmax()}"
    assert err == ""


def test_an_image_of_another_size_is_resized_and_that_is_said(pixels, tmp_path, capsys):
    image = KINDS["image"].columns["image"][0].repeat(8, 0).repeat(6, 1)
    path = tmp_path / "x.png"
    Image.fromarray(image[..., 0]).save(path)
    assert main(["predict", str(pixels), "--file", str(path)]) == 0
    rows, err = lines(capsys)
    assert len(rows) == 1
    assert err == f"{path} was resized from 32 x 24 to 4 x 4.\n"


def test_arrays_are_predicted_row_by_row(pixels, tmp_path, capsys):
    images = KINDS["image"].columns["image"]
    np.save(tmp_path / "x.npy", images[:3])
    np.savez(tmp_path / "x.npz", image=images[:3], other=np.zeros(2))
    found = []
    for name in ("x.npy", "x.npz"):
        assert main(["predict", str(pixels), "--file", str(tmp_path / name)]) == 0
        found.append(lines(capsys)[0])
    assert found[0] == found[1]
    assert [row[-1] for row in found[0]] == ["1", "2", "3"]


def test_a_table_is_read_by_the_names_of_its_columns(table, tmp_path, capsys):
    found = []
    for order in (NAMES, NAMES[::-1]):
        assert (
            main(["predict", str(table), "--file", str(write_table(tmp_path / "x.csv", order))])
            == 0
        )
        found.append(lines(capsys)[0])
    assert found[0] == found[1]
    features = KINDS["binary"].columns["features"][:3]
    p = predict(untrained("binary"), {"features": features})["probabilities"]
    np.testing.assert_allclose([float(row[1]) for row in found[0]], p.max(axis=1), atol=1e-6)


def test_a_dicom_image_is_windowed_as_in_training(pixels, tmp_path, capsys):
    from docs.made_up import _write_series

    values = np.linspace(-100, 200, 16).reshape(1, 4, 4)
    _write_series(tmp_path / "series", values, "P1")
    path = tmp_path / "series" / "000.dcm"
    refused(
        capsys, ["predict", pixels, "--file", path], "give --window CENTER WIDTH, as in training"
    )
    assert main(["predict", str(pixels), "--file", str(path), "--window", "40", "80"]) == 0
    ((_, probability, _),), _ = lines(capsys)
    levels = np.rint(255 * np.clip(np.rint(values[0]) / 80, 0, 1)).astype(np.uint8)
    p = predict(untrained("image"), {"image": levels[None, ..., None]})["probabilities"][0]
    assert float(probability) == pytest.approx(p.max(), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.png", b"no image", "cannot be read as a PNG or JPEG image"),
        ("x.npy", b"no array", "is no file of NumPy arrays"),
        ("x.npz", b"PK no array", "is no file of NumPy arrays"),
        ("x.txt", b"words", "but must be PNG, JPEG, DICOM"),
        ("x.csv", b"a,b\n1,2\n", "is no input of this model, which reads rows of shape [4, 4, 1]"),
        ("x.png", None, "there is no such file"),
    ],
)
def test_a_bad_file_is_refused(name, content, message, pixels, tmp_path, capsys):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    refused(capsys, ["predict", pixels, "--file", path], message)


@pytest.mark.parametrize("array", [np.zeros((2, 4, 4, 1)), np.zeros((5, 4, 1), np.uint8)])
def test_arrays_of_another_kind_are_refused(array, pixels, tmp_path, capsys):
    np.save(tmp_path / "x.npy", array)
    said = "but the model reads rows of shape (4, 4, 1) and dtype uint8"
    refused(capsys, ["predict", pixels, "--file", tmp_path / "x.npy"], said)


def test_an_image_for_a_table_is_refused(table, tmp_path, capsys):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "x.png")
    refused(capsys, ["predict", table, "--file", tmp_path / "x.png"], "is no input of this model")


def test_sets_calibration_and_abstention_are_printed_as_the_model_answers_them(tmp_path, capsys):
    """What calibrated, conformal and abstaining models add to their answers."""

    def never(*arguments):
        raise AssertionError

    def answer(outputs):
        p = outputs["probabilities"]
        return {
            "class": p.argmax(axis=1),
            "uncalibrated_probability": p.max(axis=1) / 2,
            "set": p >= 0.3,
            "abstain": p.max(axis=1) < 0.6,
        }

    judge = Judge(answer=answer, names={"class": ("a", "b"), "set": ("a", "b")})
    task = tasks.Task(never, never, lambda p, s, batch: {"probabilities": batch["p"]}, judge=judge)
    rows = np.array([[0.6, 0.4], [0.9, 0.1]], np.float32)
    export(Model(task, {}, {}), tmp_path, {"p": rows})
    np.save(tmp_path / "x.npy", rows)
    assert main(["predict", str(tmp_path), "--file", str(tmp_path / "x.npy")]) == 0
    found, _ = lines(capsys)
    by_name = [set(row[:-1]) for row in found]
    assert by_name[0] == {"a", "0.300000", "{a, b}", "False"}
    assert by_name[1] == {"a", "0.450000", "{a}", "False"}


def test_explaining_an_image_prints_places_and_writes_a_picture(pixels, tmp_path, capsys):
    image = KINDS["image"].columns["image"][:2]
    np.save(tmp_path / "x.npy", image)
    output = tmp_path / "e.png"
    arguments = ["explain", str(pixels), "--input", str(tmp_path / "x.npy"), "--row", "2"]
    assert main([*arguments, "--output", str(output)]) == 0
    (title, *rows, last), _ = lines(capsys)
    assert last == [str(output)]
    assert output.read_bytes().startswith(b"\x89PNG")
    # By hand: the fall of the probability when one pixel is covered by the mean of the image.
    model = untrained("image")
    found = scores(model, {"image": image[1:]})[0]
    best = found.argmax()
    falls = {}
    for place in np.ndindex(4, 4):
        covered = image[1:].astype(float).copy()
        covered[0, *place, 0] = image[1:].mean()
        covered = np.rint(covered).astype(np.uint8)
        left = scores(model, {"image": covered})[0, best]
        falls[place] = found[best] - left
    strongest = max(falls, key=lambda place: abs(falls[place]))
    row, column = (place + 1 for place in strongest)
    assert rows[0][1] == f"rows {row}-{row}, columns {column}-{column}"
    assert float(rows[0][0]) == pytest.approx(falls[strongest], abs=5e-6)
    assert float(title[0].split(": ")[1]) == pytest.approx(found[best], abs=5e-6)


def test_explaining_a_table_adds_up_to_the_difference(table, tmp_path, capsys):
    path = write_table(tmp_path / "x.csv")
    output = tmp_path / "e.png"
    given = [
        "explain",
        str(table),
        "--input",
        str(path),
        "--output",
        str(output),
        "--target",
        "ill",
    ]
    refused(capsys, given, "give --background, a file with some rows of the training data")
    assert main([*given, "--background", str(path)]) == 0
    (title, *rows, _), _ = lines(capsys)
    features = KINDS["binary"].columns["features"][:3]
    logit = predict(untrained("binary"), {"features": features})["logits"].reshape(-1)[0]
    assert float(title[0].removeprefix("ill: ")) == pytest.approx(logit, abs=5e-6)
    assert len(rows) == 5  # of six features
    assert {row[1].split(" = ")[0] for row in rows} < set(NAMES)
    model = untrained("binary")
    # The values of Shapley by their definition, over all subsets of the six features.
    np.testing.assert_allclose(
        sorted((float(row[0]) for row in rows), key=abs),
        sorted(shapley(model, features, 1), key=abs)[1:],
        atol=5e-6,
    )


def shapley(model, features, target):
    """Of the first row against all rows, over all orders of the features."""
    import itertools

    orders = list(itertools.permutations(range(6)))
    masks = np.array(list(itertools.product([0, 1], repeat=6)), bool)
    mixed = np.where(masks[:, None, :], features[:1], features[None])
    p = scores(model, {"features": mixed.reshape(-1, 6)})[:, target]
    mean = {
        tuple(mask): v for mask, v in zip(masks.tolist(), p.reshape(64, 3).mean(1), strict=True)
    }
    found = np.zeros(6)
    for order in orders:
        mask = [False] * 6
        for feature in order:
            before = mean[tuple(mask)]
            mask[feature] = True
            found[feature] += mean[tuple(mask)] - before
    return found / len(orders)


def test_explaining_a_text_names_its_tokens(tmp_path, capsys):
    tokenizer = tokenizers.words(["the drug caused a rash"])
    network = TextClassifier(1, RecurrentEncoder(tokenizer.get_vocab_size(), 4, (3,)))
    task = tasks.binary_classification(network, inputs=inputs.tokens, classes=("no", "yes"))
    batch = {"tokens": jnp.ones((2, 5), jnp.int32)}
    model = Model(task, *jax.jit(task.init)(jax.random.key(0), batch, {}))
    export(model, tmp_path, {"tokens": np.ones((2, 5), np.int32)}, tokenizer=tokenizer)
    output = tmp_path / "e.png"
    assert main(["explain", str(tmp_path), "--text", "the rash", "--output", str(output)]) == 0
    (_, *rows, _), _ = lines(capsys)
    assert {row[1] for row in rows} == {"the (token 1)", "rash (token 2)"}
    tokens = tokenizers.encode(tokenizer, ["the rash"], length=5)
    found = scores(model, {"tokens": tokens})[0]
    covered = tokens.copy()
    covered[0, 0] = tokenizers.UNKNOWN
    left = scores(model, {"tokens": covered})[0, found.argmax()]
    (fall,) = (float(row[0]) for row in rows if row[1] == "the (token 1)")
    # The same tokens from a file are explained as the text is: they are no features.
    np.savez(tmp_path / "x.npz", tokens=tokens)
    given = ["explain", str(tmp_path), "--input", str(tmp_path / "x.npz")]
    assert main([*given, "--output", str(output)]) == 0
    assert lines(capsys)[0][1:-1] == rows
    assert fall == pytest.approx(found.max() - left, abs=5e-6)
    assert output.read_bytes().startswith(b"\x89PNG")


def test_a_model_with_a_threshold_is_explained_for_its_answer(tmp_path, capsys):
    model = untrained("binary")
    features = KINDS["binary"].columns["features"][:3]
    p = predict(model, {"features": features})["probabilities"][0]
    # A threshold at which the less probable class is the answer.
    threshold = p[1] / 2 if p[1] < 0.5 else (p[1] + 1) / 2
    export(with_threshold(model, float(threshold)), tmp_path, {"features": features})
    path, output = tmp_path / "x.npy", tmp_path / "e.png"
    np.save(path, features)
    given = ["explain", str(tmp_path), "--input", str(path), "--method", "occlusion"]
    assert main([*given, "--output", str(output)]) == 0
    (title, *_), _ = lines(capsys)
    name, score = title[0].split(": ")
    assert name == ("healthy", "ill")[p.argmin()]
    found = scores(model, {"features": features})[0, p.argmin()]
    assert float(score) == pytest.approx(found, abs=5e-6)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "--text and --input are neither given"),
        (["--input", "x.npy", "--text", "a"], "--text and --input are both given"),
        (["--input", "x.npy", "--output", "x.jpg"], "must end in .png"),
        (["--text", "a"], "model reads image, not texts"),
    ],
)
def test_what_cannot_be_explained_is_refused(more, message, pixels, capsys):
    refused(capsys, ["explain", pixels, *more], message)
