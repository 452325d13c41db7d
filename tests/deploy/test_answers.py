"""What a loaded model says of arrays and texts, in words."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from deploy.text_model import CLASSES, TOKENIZER, columns, model, sentences, write

from jaxmed.deploy import answers, answers_of_texts, export, load
from jaxmed.deploy.answers import cut_off, token_counts
from jaxmed.evaluation import predict
from jaxmed.tasks import Judge, Model, Task
from jaxmed.transforms import with_threshold


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return load(write(tmp_path_factory.mktemp("run")))


def said_of(probabilities):
    return {
        "class": [CLASSES[number] for number in probabilities.argmax(1)],
        "probability": probabilities.max(1),
    }


def same(found, wanted):
    assert found.keys() == wanted.keys()
    assert found["class"].tolist() == wanted["class"]
    np.testing.assert_allclose(found["probability"], wanted["probability"], atol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 70])
def test_of_texts_the_model_says_the_class_and_its_probability(count, loaded):
    texts = sentences(count)
    wanted = said_of(predict(model(), columns(texts))["probabilities"])
    same(answers_of_texts(loaded, texts), wanted)
    same(answers(loaded, columns(texts)), wanted)


def test_the_batch_size_changes_no_row(loaded):
    texts = sentences(11)
    one, other = (answers_of_texts(loaded, texts, batch_size=size) for size in (4, 11))
    same(one, {**other, "class": other["class"].tolist()})


def test_boundaries_are_put_around_texts_as_in_training(tmp_path):
    write(tmp_path, boundaries=True)
    texts = ["rash", "the drug caused a", "the drug caused a rash"]
    bounded = load(tmp_path)
    wanted = predict(model(), columns(texts, boundaries=True))["probabilities"]
    same(answers_of_texts(bounded, texts), said_of(wanted))
    assert cut_off(bounded, texts).tolist() == [False, False, True]


def test_what_is_cut_off_is_known(loaded):
    texts = ["the drug caused a rash fever", "the drug caused a rash fever cough", ""]
    assert cut_off(loaded, texts).tolist() == [False, True, False]
    assert token_counts(loaded, texts).tolist() == [6, 7, 0]


@pytest.mark.parametrize("threshold", [0.001, 0.999])
def test_a_threshold_decides_and_the_probability_is_that_before_it(threshold, tmp_path):
    texts = sentences(5)
    changed = with_threshold(model(), threshold)
    export(changed, tmp_path, columns(texts), tokenizer=TOKENIZER)
    found = answers_of_texts(load(tmp_path), texts)
    chosen = int(threshold < 0.5)
    wanted = predict(model(), columns(texts))["probabilities"][:, chosen]
    same(found, {"class": [CLASSES[chosen]] * 5, "probability": wanted})


def exported(directory, answer, names):
    """A model that passes features on and answers with them, loaded again."""

    def predict(params, state, batch):
        return {"features": batch["features"]}

    task = Task(predict, predict, predict, judge=Judge(answer=answer, names=names))
    export(Model(task, {}, {}), directory, {"features": np.ones((1, 2), np.float32)})
    return load(directory)


FEATURES = {"features": np.array([[1, 20], [2, 10], [0, 30]], np.float32)}


@pytest.mark.parametrize(
    ("names", "heads"), [({}, ["dose_0", "dose_1"]), ({"dose": ["day", "night"]}, ["day", "night"])]
)
def test_a_matrix_is_said_column_by_column(names, heads, tmp_path):
    of_doses = exported(tmp_path, lambda outputs: {"dose": outputs["features"]}, names)
    found = answers(of_doses, FEATURES)
    assert [*found] == heads
    np.testing.assert_array_equal(np.stack([*found.values()], 1), FEATURES["features"])


def test_whole_numbers_become_words_where_there_are_any_and_values_stay(tmp_path):
    def answer(outputs):
        grade = outputs["features"][:, 0].astype(jnp.int32)
        return {"grade": grade, "count": grade, "value": outputs["features"][:, 1]}

    names = {"grade": ["none", "mild", "severe"], "value": ["of no number"]}
    found = answers(exported(tmp_path, answer, names), FEATURES)
    assert found["grade"].tolist() == ["mild", "severe", "none"]
    assert found["count"].tolist() == [1, 2, 0]
    assert found["value"].tolist() == [20, 10, 30]


def test_no_text_and_no_batch_are_refused(loaded):
    with pytest.raises(ValueError, match="texts is empty"):
        answers_of_texts(loaded, [])
    with pytest.raises(ValueError, match="batch_size is 0"):
        answers_of_texts(loaded, ["rash"], batch_size=0)


@pytest.mark.parametrize("asked", [answers_of_texts, cut_off, token_counts])
def test_a_model_of_arrays_refuses_texts(asked, loaded):
    with pytest.raises(ValueError, match="reads tokens, not texts"):
        asked(dataclasses.replace(loaded, tokenizer=None), ["rash"])
