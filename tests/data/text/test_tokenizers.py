"""Tokenizers and token numbers, counted by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from jaxmed.data.text import tokenizers

TRAINING = ["The drug caused a rash .", "the drug helped", "A rash , a fever ."]
MAKERS = {
    "words": tokenizers.words,
    "word_pieces": tokenizers.word_pieces,
    "byte_pairs": tokenizers.byte_pairs,
}


@pytest.mark.parametrize("name", MAKERS)
def test_special_tokens_have_the_same_numbers_everywhere(name):
    tokenizer = MAKERS[name](TRAINING, size=400, min_count=1)
    assert [tokenizer.token_to_id(token) for token in tokenizers.SPECIAL] == [0, 1, 2, 3, 4]
    assert (
        tokenizers.PADDING,
        tokenizers.UNKNOWN,
        tokenizers.START,
        tokenizers.END,
        tokenizers.MASK,
    ) == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_brackets_in_a_text_are_no_special_tokens(name, saved, tmp_path):
    texts = ["disease pad mask start end unk [ ] ( )"] * 4
    tokenizer = MAKERS[name](texts, size=400, min_count=1)
    if saved:
        tokenizers.save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
        tokenizer = tokenizers.load_tokenizer(tmp_path / "tokenizer.json")
    for token in tokenizers.SPECIAL:
        for written in (token, token.lower()):
            row = tokenizers.encode(tokenizer, [f"disease {written}"], length=30)[0]
            count = tokenizers.lengths(tokenizer, [f"disease {written}"])[0]
            assert count > 2
            assert not set(row[:count]) & {0, 2, 3, 4}


def test_words_are_numbered_by_frequency_and_unknown_where_training_had_none():
    tokenizer = tokenizers.words(TRAINING)
    tokens = tokenizers.encode(tokenizer, ["A RASH, a coma.", ""], length=7)
    assert tokens.dtype == np.int32
    number = tokenizer.token_to_id
    expected = [
        number("a"),
        number("rash"),
        number(","),
        number("a"),
        tokenizers.UNKNOWN,
        number("."),
        0,
    ]
    assert tokens.tolist() == [expected, [0] * 7]
    assert number("a") == 5  # three times, more than any other word


def test_a_rare_word_is_left_out():
    tokenizer = tokenizers.words(TRAINING, min_count=2)
    assert tokenizer.token_to_id("rash") is not None
    assert tokenizer.token_to_id("fever") is None


def test_boundaries_stand_within_the_length():
    tokenizer = tokenizers.words(TRAINING)
    tokens = tokenizers.encode(tokenizer, ["the drug helped", "rash"], length=4, boundaries=True)
    drug, the, rash = (tokenizer.token_to_id(word) for word in ("drug", "the", "rash"))
    assert tokens.tolist() == [
        [tokenizers.START, the, drug, tokenizers.END],
        [tokenizers.START, rash, tokenizers.END, 0],
    ]
    assert tokenizers.lengths(tokenizer, ["the drug helped", ""]).tolist() == [3, 0]


def test_pieces_spell_a_new_word_and_bytes_spell_anything():
    pieces = tokenizers.word_pieces(["drug drugs rash rashes"] * 5, size=60)
    found = tokenizers.encode(pieces, ["drugrash xyz"], length=9)[0]
    assert pieces.decode(found[found > 4].tolist()) == "drugrash"
    assert (found == tokenizers.UNKNOWN).sum() == 1
    pairs = tokenizers.byte_pairs(TRAINING, size=300)
    tokens = tokenizers.encode(pairs, ["Ünïcode 😀"], length=40)[0]
    assert tokenizers.UNKNOWN not in tokens
    assert pairs.decode(tokens[tokens > 4].tolist()).strip() == "Ünïcode 😀"


@pytest.mark.parametrize("name", MAKERS)
def test_a_saved_tokenizer_gives_the_same_numbers(name, tmp_path):
    tokenizer = MAKERS[name](TRAINING, size=400, min_count=1)
    tokenizers.save_tokenizer(tokenizer, tmp_path / "deep" / "tokenizer.json")
    again = tokenizers.load_tokenizer(tmp_path / "deep" / "tokenizer.json")
    new = ["A rash, a coma!", "drugs"]
    np.testing.assert_array_equal(
        tokenizers.encode(tokenizer, new, length=12), tokenizers.encode(again, new, length=12)
    )


def test_bad_input_is_named(tmp_path):
    tokenizer = tokenizers.words(TRAINING)
    with pytest.raises(ValueError, match=r"texts hold 7\.0 in row 1, but must hold strings"):
        tokenizers.encode(tokenizer, np.array(["a", 7.0], object), length=3)
    with pytest.raises(ValueError, match="length is 2, but must be at least 3"):
        tokenizers.encode(tokenizer, ["a"], length=2, boundaries=True)
    with pytest.raises(ValueError, match="texts hold no words"):
        tokenizers.words(["", " "])
    with pytest.raises(FileNotFoundError, match="no such file"):
        tokenizers.load_tokenizer(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ValueError, match=r"other\.json is not a file of the tok"):
        tokenizers.load_tokenizer(tmp_path / "other.json")


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordLevel({"x": 0}, unk_token="x")).save(str(tmp_path / "theirs.json"))
    with pytest.raises(ValueError, match=r"numbers \[PAD\].* must be 0 to 4"):
        tokenizers.load_tokenizer(tmp_path / "theirs.json")


def test_numbers_are_read_as_zero_where_they_are_not_kept(tmp_path):
    tokenizer = tokenizers.words(["n = 54 ( 3.2 mg )", "n = 61"], numbers=False)
    tokenizers.save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
    found = tokenizers.encode(
        tokenizers.load_tokenizer(tmp_path / "tokenizer.json"), ["n = 7 (19.85)"], length=8
    )[0]
    n, equals, number, dot = (tokenizer.token_to_id(word) for word in ("n", "=", "0", "."))
    left, right = tokenizer.token_to_id("("), tokenizer.token_to_id(")")
    assert found.tolist() == [n, equals, number, left, number, dot, number, right]


def saved(directory, change):
    """The path of a tokenizer whose description was changed."""
    tokenizer = tokenizers.words(TRAINING)
    described = json.loads(tokenizer.to_str())
    change(described)
    path = directory / "tokenizer.json"
    path.write_text(json.dumps(described))
    return path


def times_a_thousand(described):
    longer = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 1000}
    described["normalizer"] = {"type": "Sequence", "normalizers": [longer] * 4}


def whole_texts(described):
    described["pre_tokenizer"] = {"type": "Whitespace"}


def drawn(described):
    pairs = json.loads(tokenizers.byte_pairs(TRAINING, size=300).to_str())
    described |= pairs | {"model": pairs["model"] | {"dropout": 0.5}}


def one_more(described):
    token = described["added_tokens"][-1] | {"id": len(described["model"]["vocab"])}
    described["added_tokens"].append(token | {"content": "the", "special": False})


def far_away(described):
    described["model"]["vocab"]["rash"] = 10**9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (times_a_thousand, r"has the normalizer .*Replace"),
        (whole_texts, r"has the pre_tokenizer .*Whitespace"),
        (drawn, r"has the model .*BPE.*0\.5"),
        (one_more, "has 6 added tokens"),
        (far_away, "does not number them 0 to"),
        (lambda described: described["model"]["vocab"].update({"[PAD]": 1}), "must be 0 to 4"),
    ],
)
def test_steps_that_no_tokenizer_of_ours_has_are_refused(change, message, tmp_path):
    path = saved(tmp_path, change)
    with pytest.raises(ValueError, match=rf"tokenizer\.json: .*{message}.*: make it with") as found:
        tokenizers.load_tokenizer(path)
    assert len(str(found.value)) < 400


def test_padding_and_truncation_of_a_file_change_no_row(tmp_path):
    def padded(described):
        described["padding"] = {
            "strategy": {"Fixed": 10**9}, "direction": "Left", "pad_to_multiple_of": None,
            "pad_id": 3, "pad_type_id": 0, "pad_token": "[END]",
        }  # fmt: skip
        described["truncation"] = {
            "direction": "Left", "max_length": 1, "strategy": "LongestFirst", "stride": 0,
        }  # fmt: skip

    plain = tokenizers.load_tokenizer(saved(tmp_path, lambda described: None))
    changed = tokenizers.load_tokenizer(saved(tmp_path, padded))
    texts = ["the rash", "a coma and a rash"]
    assert tokenizers.lengths(changed, texts).tolist() == [2, 5]
    np.testing.assert_array_equal(
        tokenizers.encode(changed, texts, length=4), tokenizers.encode(plain, texts, length=4)
    )


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = saved(tmp_path, lambda described: None)
    monkeypatch.setattr(tokenizers, "LARGEST_FILE", path.stat().st_size - 1)
    with pytest.raises(ValueError, match=r"tokenizer\.json has .* bytes, but a tokenizer has at"):
        tokenizers.load_tokenizer(path)


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_texts_give_the_same_tokenizer_in_every_process(name):
    code = (
        "import sys; from jaxmed.data.text import tokenizers\n"
        f"texts = {TRAINING * 3 + ['Fevers, rashes; an ulcer. 37 drugs']!r}\n"
        f"print(tokenizers.{name}(iter(texts), size=320).to_str())\n"
        f"print(tokenizers.{name}(texts, size=320).to_str())"
    )
    written = set()
    for seed, threads in (("1", "1"), ("2", "3")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        )
        written |= set(done.stdout.splitlines())
    assert len(written) == 1


def test_word_pieces_are_those_of_the_librarys_trainer():
    from tokenizers import models, trainers

    # No two pairs occur equally often, so that nothing depends on the order of ties.
    texts = [word for power, word in enumerate(("ab", "cd", "ef", "ad")) for _ in range(3**power)]
    theirs = tokenizers._uncased(models.WordPiece(unk_token="[UNK]"))
    trainer = trainers.WordPieceTrainer(
        vocab_size=16, min_frequency=1, special_tokens=list(tokenizers.SPECIAL), show_progress=False
    )
    theirs.train_from_iterator(texts, trainer)
    ours = tokenizers.word_pieces(texts, size=16, min_count=1)
    assert ours.get_vocab().keys() == theirs.get_vocab().keys()
    assert sorted(ours.get_vocab().values()) == list(range(ours.get_vocab_size()))
