"""Tokenizers and token numbers, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data import text

TRAINING = ["The drug caused a rash .", "the drug helped", "A rash , a fever ."]
MAKERS = {"words": text.words, "word_pieces": text.word_pieces, "byte_pairs": text.byte_pairs}


@pytest.mark.parametrize("name", MAKERS)
def test_special_tokens_have_the_same_numbers_everywhere(name):
    tokenizer = MAKERS[name](TRAINING, size=400, least=1)
    assert [tokenizer.token_to_id(token) for token in text.SPECIAL] == [0, 1, 2, 3, 4]
    assert (text.PADDING, text.UNKNOWN, text.START, text.END, text.MASK) == (0, 1, 2, 3, 4)


def test_words_are_numbered_by_frequency_and_unknown_where_training_had_none():
    tokenizer = text.words(TRAINING)
    tokens = text.encode(tokenizer, ["A RASH, a coma.", ""], length=7)
    assert tokens.dtype == np.int32
    number = tokenizer.token_to_id
    wanted = [number("a"), number("rash"), number(","), number("a"), text.UNKNOWN, number("."), 0]
    assert tokens.tolist() == [wanted, [0] * 7]
    assert number("a") == 5  # three times, more than any other word


def test_a_rare_word_is_left_out():
    tokenizer = text.words(TRAINING, least=2)
    assert tokenizer.token_to_id("rash") is not None
    assert tokenizer.token_to_id("fever") is None


def test_boundaries_stand_within_the_length():
    tokenizer = text.words(TRAINING)
    tokens = text.encode(tokenizer, ["the drug helped", "rash"], length=4, boundaries=True)
    drug, the, rash = (tokenizer.token_to_id(word) for word in ("drug", "the", "rash"))
    assert tokens.tolist() == [[text.START, the, drug, text.END], [text.START, rash, text.END, 0]]
    assert text.lengths(tokenizer, ["the drug helped", ""]).tolist() == [3, 0]


def test_pieces_spell_a_new_word_and_bytes_spell_anything():
    pieces = text.word_pieces(["drug drugs rash rashes"] * 5, size=60)
    found = text.encode(pieces, ["drugrash xyz"], length=9)[0]
    assert pieces.decode(found[found > 4].tolist()) == "drugrash"
    assert (found == text.UNKNOWN).sum() == 1
    pairs = text.byte_pairs(TRAINING, size=300)
    tokens = text.encode(pairs, ["Ünïcode 😀"], length=40)[0]
    assert text.UNKNOWN not in tokens
    assert pairs.decode(tokens[tokens > 4].tolist()).strip() == "Ünïcode 😀"


@pytest.mark.parametrize("name", MAKERS)
def test_a_saved_tokenizer_gives_the_same_numbers(name, tmp_path):
    tokenizer = MAKERS[name](TRAINING, size=400, least=1)
    text.save(tokenizer, tmp_path / "deep" / "tokenizer.json")
    again = text.load(tmp_path / "deep" / "tokenizer.json")
    new = ["A rash, a coma!", "drugs"]
    np.testing.assert_array_equal(
        text.encode(tokenizer, new, length=12), text.encode(again, new, length=12)
    )


def test_bad_input_is_named(tmp_path):
    tokenizer = text.words(TRAINING)
    with pytest.raises(ValueError, match=r"texts hold 7\.0 in row 1, which is no text"):
        text.encode(tokenizer, np.array(["a", 7.0], object), length=3)
    with pytest.raises(ValueError, match="length is 2, but must be at least 3"):
        text.encode(tokenizer, ["a"], length=2, boundaries=True)
    with pytest.raises(ValueError, match="texts hold no word"):
        text.words(["", " "])
    with pytest.raises(FileNotFoundError, match="no such file"):
        text.load(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ValueError, match=r"other\.json is no tokenizer"):
        text.load(tmp_path / "other.json")


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordLevel({"x": 0}, unk_token="x")).save(str(tmp_path / "theirs.json"))
    with pytest.raises(ValueError, match=r"numbers \[PAD\].* must be 0 to 4"):
        text.load(tmp_path / "theirs.json")


def sentences(lengths):
    group = np.repeat(np.arange(len(lengths)) + 40, lengths)
    rows = np.arange(len(group))
    return {"tokens": np.stack([rows + 1, rows + 2], 1), "label": rows % 3, "group": group}


def test_documents_hold_every_sentence_once_and_in_order():
    found = text.documents(sentences([2, 1, 3]))
    assert found["tokens"].shape == (3, 3, 2)
    assert found["id"].tolist() == [[0, 1, -1], [2, -1, -1], [3, 4, 5]]
    assert found["label"].tolist() == [[0, 1, -1], [2, -1, -1], [0, 1, 2]]
    assert found["tokens"][0].tolist() == [[1, 2], [2, 3], [0, 0]]
    assert found["group"].tolist() == [40, 41, 42]


def test_a_document_that_is_too_long_becomes_several():
    found = text.documents(sentences([200, 1]), longest=64)
    assert found["tokens"].shape == (5, 64, 2)
    kept = found["id"][found["id"] >= 0]
    assert kept.tolist() == list(range(201))
    assert found["group"].tolist() == [40, 40, 40, 40, 41]


def test_documents_that_are_torn_apart_are_refused():
    columns = sentences([2, 2])
    columns["group"] = np.array([1, 2, 1, 2])
    with pytest.raises(ValueError, match="comes back after another one: sort the rows"):
        text.documents(columns)


def test_numbers_are_one_word_where_they_are_not_told_apart(tmp_path):
    tokenizer = text.words(["n = 54 ( 3.2 mg )", "n = 61"], numbers=False)
    text.save(tokenizer, tmp_path / "tokenizer.json")
    found = text.encode(text.load(tmp_path / "tokenizer.json"), ["n = 7 (19.85)"], length=8)[0]
    n, equals, number, dot = (tokenizer.token_to_id(word) for word in ("n", "=", "0", "."))
    left, right = tokenizer.token_to_id("("), tokenizer.token_to_id(")")
    assert found.tolist() == [n, equals, number, left, number, dot, number, right]
