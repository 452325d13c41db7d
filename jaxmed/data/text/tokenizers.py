"""Texts as rows of token numbers.

Tokenizers come from the `tokenizers` library and are trained on the training split only: a word
that no training text contains is unknown. Each is saved as one JSON file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmed import checks
from jaxmed.files import write_whole
from jaxmed.typing import Int

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import Model
    from tokenizers.trainers import Trainer

SPECIAL = ("[PAD]", "[UNK]", "[START]", "[END]", "[MASK]")
PADDING, UNKNOWN, START, END, MASK = range(len(SPECIAL))
"""The numbers of the special tokens, the same in every tokenizer made here."""
LARGEST_FILE = 64 << 20
"""Bytes; the largest vocabularies in use take a third of it."""


def words(
    texts: Iterable[str], *, size: int = 20_000, min_count: int = 1, numbers: bool = True
) -> Tokenizer:
    """Whole words and single punctuation marks, in lower case and without accents.

    Args:
        texts: of the training split.
        size: number of tokens, the most frequent ones, including the five special ones.
        min_count: how often a word must occur in `texts` to be kept.
        numbers: keep numbers as they are; otherwise each run of digits is read as 0, so that rare
            numbers do not become unknown words.
    """
    from tokenizers import models, trainers

    tokenizer = _uncased(models.WordLevel(unk_token=SPECIAL[UNKNOWN]))
    if not numbers:
        tokenizer = _without_numbers(tokenizer)
    trainer = trainers.WordLevelTrainer(
        vocab_size=size, min_frequency=min_count, special_tokens=list(SPECIAL), show_progress=False
    )
    return _trained(tokenizer, texts, trainer, size)


def word_pieces(texts: Iterable[str], *, size: int = 8_000, min_count: int = 2) -> Tokenizer:
    """Words split into frequent pieces (WordPiece), in lower case and without accents.

    A word with a character that no training text contains, or of more than 100 characters, is
    unknown. The same texts always give the same pieces and numbers.

    Args:
        texts: of the training split.
        size: number of pieces, including the five special tokens; the characters of `texts` are
            pieces even where there are more.
        min_count: how often a pair of pieces must occur in `texts` to be joined.

    References:
        Wu et al., Google's Neural Machine Translation System, 2016, section 4.1.
    """
    from tokenizers import AddedToken, decoders, models, trainers

    def trained(reserved: Sequence[str], size: int) -> dict[str, int]:
        trainer = trainers.WordPieceTrainer(
            vocab_size=size,
            min_frequency=min_count,
            special_tokens=list(reserved),
            show_progress=False,
        )
        unnamed = _uncased(models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
        return _trained(unnamed, texts, trainer, size).get_vocab()

    # The trainer numbers single characters in the order of a hash table, different each time, and
    # decides ties between pairs by these numbers. It keeps the numbers of reserved tokens, so the
    # characters are found first, without joining any, and reserved in sorted order.
    texts = list(texts)
    characters = sorted(trained(SPECIAL, len(SPECIAL) + 1).keys() - set(SPECIAL))
    pieces = trained([*SPECIAL, *characters], size)
    tokenizer = _uncased(models.WordPiece(pieces, unk_token=SPECIAL[UNKNOWN]))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def byte_pairs(texts: Iterable[str], *, size: int = 8_000, min_count: int = 2) -> Tokenizer:
    """Byte-pair encoding: bytes joined into longer pieces; case and spaces are kept.

    Every text can be encoded, so no token is ever unknown.

    Args:
        texts: of the training split.
        size: number of pieces, including the 256 bytes and the five special tokens.
        min_count: how often a pair of pieces must occur in `texts` to be joined.

    References:
        Sennrich et al., Neural Machine Translation of Rare Words with Subword Units, 2016,
        section 3.2.
    """
    from tokenizers import pre_tokenizers, trainers

    tokenizer = _of_bytes()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_count,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return _trained(tokenizer, texts, trainer, size)


def encode(
    tokenizer: Tokenizer,
    texts: Sequence[str] | np.ndarray,
    *,
    length: int,
    boundaries: bool = False,
) -> Int[np.ndarray, "rows length"]:
    """The token numbers of each text, cut off after `length` tokens and padded with 0.

    Args:
        tokenizer: from `words`, `word_pieces`, `byte_pairs` or `load_tokenizer`.
        texts: in any order; an empty one gives a row of padding.
        length: number of tokens kept per text, the first ones; see `lengths` for what is cut off.
        boundaries: put `START` before and `END` after each text, within `length`.

    Returns:
        [rows, length] int32.
    """
    checks.at_least("length", length, 3 if boundaries else 1)
    tokens = np.full((len(texts), length), PADDING, np.int32)
    kept = length - 2 if boundaries else length
    for row, encoding in zip(tokens, _encodings(tokenizer, texts), strict=True):
        numbers = encoding[:kept]
        if boundaries:
            numbers = [START, *numbers, END]
        row[: len(numbers)] = numbers
    return tokens


def lengths(tokenizer: Tokenizer, texts: Sequence[str] | np.ndarray) -> Int[np.ndarray, " rows"]:
    """The number of tokens of each text, without boundaries."""
    return np.array([len(numbers) for numbers in _encodings(tokenizer, texts)], np.int32)


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write a tokenizer as one JSON file, which the `tokenizers` library reads too."""
    write_whole(path, tokenizer.to_str(pretty=True))


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer that `save_tokenizer` wrote; it gives the same numbers.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It is not a tokenizer, or not one that `check_tokenizer` accepts.
    """
    from tokenizers import Tokenizer

    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(
            f"{path} has {path.stat().st_size:,} bytes, but a tokenizer has at most "
            f"{LARGEST_FILE:,}: make it with a smaller size."
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{path} is not a file of the tokenizers library: {error}.") from error
    try:
        check_tokenizer(tokenizer)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return tokenizer


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Refuse a tokenizer that no function of this module makes.

    A file can ask for steps that make a text a million times longer or draw random numbers, and
    can number its tokens beyond the rows of an embedding. Padding and truncation are not looked
    at: `encode` has its own.

    Raises:
        ValueError: It has other steps, special tokens or numbers.
    """
    numbers = tuple(tokenizer.token_to_id(token) for token in SPECIAL)
    if numbers != tuple(range(len(SPECIAL))):
        raise ValueError(
            f"the tokenizer numbers {', '.join(SPECIAL)} as {numbers}, but they must be 0 to 4: "
            "make it with jaxmed.data.text.tokenizers."
        )
    known = [_steps(each) for each in _untrained()]
    for part, steps in _steps(tokenizer).items():
        if all(steps != each[part] for each in known):
            raise ValueError(
                f"the tokenizer has the {part} {_shortened(steps)}, which jaxmed does not use: "
                "make it with jaxmed.data.text.tokenizers."
            )
    added = tokenizer.get_added_tokens_decoder()
    if [token.content for _, token in sorted(added.items())] != list(SPECIAL):
        raise ValueError(
            f"the tokenizer has {len(added)} added tokens, but must have {', '.join(SPECIAL)}: "
            "make it with jaxmed.data.text.tokenizers."
        )
    vocabulary = tokenizer.get_vocab()
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise ValueError(
            f"the tokenizer has {len(vocabulary):,} tokens, but does not number them 0 to "
            f"{len(vocabulary) - 1:,}: make it with jaxmed.data.text.tokenizers."
        )


def _steps(tokenizer: Tokenizer) -> dict[str, Any]:
    """What is done to a text, as JSON, without what was learned."""
    described = json.loads(tokenizer.to_str())
    model = described["model"]
    return {
        "normalizer": described["normalizer"],
        "pre_tokenizer": described["pre_tokenizer"],
        "post_processor": described["post_processor"],
        "model": {name: model[name] for name in model if name not in ("vocab", "merges")},
    }


def _shortened(steps: Any) -> str:
    text = json.dumps(steps)
    return text if len(text) <= 100 else f"{text[:100]}..."


def _untrained() -> Iterator[Tokenizer]:
    """One tokenizer of each kind that is made here, without a vocabulary."""
    from tokenizers import models

    yield _uncased(models.WordLevel(unk_token=SPECIAL[UNKNOWN]))
    yield _without_numbers(_uncased(models.WordLevel(unk_token=SPECIAL[UNKNOWN])))
    yield _uncased(models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
    yield _of_bytes()


def _uncased(model: Model) -> Tokenizer:
    from tokenizers import Tokenizer, normalizers, pre_tokenizers

    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _without_numbers(tokenizer: Tokenizer) -> Tokenizer:
    from tokenizers import Regex, normalizers

    as_zero = normalizers.Replace(Regex("[0-9]+"), "0")
    tokenizer.normalizer = normalizers.Sequence([tokenizer.normalizer, as_zero])
    return tokenizer


def _of_bytes() -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return tokenizer


def _trained(tokenizer: Tokenizer, texts: Iterable[str], trainer: Trainer, size: int) -> Tokenizer:
    checks.at_least("size", size, len(SPECIAL) + 1)
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() <= len(SPECIAL):
        raise ValueError("texts hold no words: pass the texts of the training split.")
    return tokenizer


def _encodings(tokenizer: Tokenizer, texts: Sequence[str] | np.ndarray) -> list[list[int]]:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts hold {text!r} in row {row}, but must hold strings.")
    # In a text "[PAD]" is peripheral artery disease in brackets, not padding.
    tokenizer.encode_special_tokens = True
    # A file can ask for padding to any length; ours is done after this, and what is longer counted.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [encoding.ids for encoding in encodings]
