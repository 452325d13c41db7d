"""Texts as rows of token numbers.

Tokenizers are those of the `tokenizers` library, trained on the training split only: a word that
no training text holds is unknown. They are saved with the run as one JSON file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxmed import checks
from jaxmed.typing import Columns, Int

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import Model
    from tokenizers.trainers import Trainer

SPECIAL = ("[PAD]", "[UNK]", "[START]", "[END]", "[MASK]")
PADDING, UNKNOWN, START, END, MASK = range(len(SPECIAL))
"""The numbers of the special tokens, the same in every tokenizer made here."""


def words(
    texts: Iterable[str], *, size: int = 20_000, least: int = 1, numbers: bool = True
) -> Tokenizer:
    """Whole words and single punctuation marks, in lower case and without accents.

    Args:
        texts: of the training split.
        size: tokens kept, the most frequent ones, with the five special ones.
        least: how often a word stands in `texts`, to be kept.
        numbers: tell numbers apart; otherwise each run of digits is read as 0, so that rare
            numbers are numbers and not unknown words.
    """
    from tokenizers import Regex, models, normalizers, trainers

    tokenizer = _uncased(models.WordLevel(unk_token=SPECIAL[UNKNOWN]))
    if not numbers:
        as_zero = normalizers.Replace(Regex("[0-9]+"), "0")
        tokenizer.normalizer = normalizers.Sequence([tokenizer.normalizer, as_zero])
    trainer = trainers.WordLevelTrainer(
        vocab_size=size, min_frequency=least, special_tokens=list(SPECIAL), show_progress=False
    )
    return _trained(tokenizer, texts, trainer, size)


def word_pieces(texts: Iterable[str], *, size: int = 8_000, least: int = 2) -> Tokenizer:
    """Words cut into pieces that are frequent, in lower case and without accents.

    Wu et al. 2016, section 4.1; a word of characters never seen is unknown.

    Args:
        texts: of the training split.
        size: pieces kept, with the five special tokens.
        least: how often a pair of pieces stands in `texts`, to be joined.
    """
    from tokenizers import decoders, models, trainers

    tokenizer = _uncased(models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=least, special_tokens=list(SPECIAL), show_progress=False
    )
    return _trained(tokenizer, texts, trainer, size)


def byte_pairs(texts: Iterable[str], *, size: int = 8_000, least: int = 2) -> Tokenizer:
    """Bytes joined into longer pieces; case and spaces are kept and nothing is ever unknown.

    Sennrich et al. 2016, section 3.2, over bytes.

    Args:
        texts: of the training split.
        size: pieces kept, with the 256 bytes and the five special tokens.
        least: how often a pair of pieces stands in `texts`, to be joined.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=least,
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
    """The token numbers of each text, cut off behind `length` and filled up with 0.

    Args:
        tokenizer: of `words`, `word_pieces` or `byte_pairs`, or loaded.
        texts: in any order; an empty one gives a row of padding.
        length: tokens kept of each text, the first ones; `lengths` tells what that cuts off.
        boundaries: put `START` before and `END` behind each text, within `length`.

    Returns:
        [rows, length] int32.
    """
    checks.at_least("length", length, 3 if boundaries else 1)
    tokens = np.full((len(texts), length), PADDING, np.int32)
    kept = length - 2 if boundaries else length
    for row, encoding in zip(tokens, _encodings(tokenizer, texts), strict=True):
        found = encoding[:kept]
        if boundaries:
            found = [START, *found, END]
        row[: len(found)] = found
    return tokens


def lengths(tokenizer: Tokenizer, texts: Sequence[str] | np.ndarray) -> Int[np.ndarray, " rows"]:
    """How many tokens each text has, boundaries not counted."""
    return np.array([len(found) for found in _encodings(tokenizer, texts)], np.int32)


def save(tokenizer: Tokenizer, path: Path) -> None:
    """Write a tokenizer as one JSON file, which any version of the `tokenizers` library reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


def load(path: Path) -> Tokenizer:
    """Read a tokenizer that `save` wrote; it gives the same numbers.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no tokenizer, or one whose special tokens are not ours.
    """
    from tokenizers import Tokenizer

    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{path} is no tokenizer of the tokenizers library: {error}.") from error
    numbers = tuple(tokenizer.token_to_id(token) for token in SPECIAL)
    if numbers != tuple(range(len(SPECIAL))):
        raise ValueError(
            f"{path} numbers {', '.join(SPECIAL)} as {numbers}, but they must be 0 to 4: make "
            "the tokenizer with jaxmed.data.text.tokenizers."
        )
    return tokenizer


def documents(
    columns: Columns, *, longest: int | None = None
) -> dict[str, Int[np.ndarray, "documents sentences ..."]]:
    """Sentences, one a row, gathered into the documents that `group` names.

    Args:
        columns: `tokens` [rows, length], `group` [rows] and, where it is known, `label` [rows];
            the rows of a document in the order of its sentences.
        longest: sentences to make room for; by default those of the longest document. A longer
            document becomes several, so that no sentence is lost.

    Returns:
        `tokens` [documents, sentences, length], `label` [documents, sentences] with -1 where
        there is no sentence, `group` [documents], and `id` [documents, sentences], the rows in
        `columns`, -1 where there is none.
    """
    group = np.asarray(columns["group"])
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    if len(np.unique(group)) != len(starts):
        raise ValueError("group comes back after another one: sort the rows by document first.")
    parts = np.split(np.arange(len(group)), starts[1:])
    longest = longest or max(map(len, parts))
    parts = [part[i : i + longest] for part in parts for i in range(0, len(part), longest)]
    rows = np.full((len(parts), longest), -1, np.int32)
    for line, part in zip(rows, parts, strict=True):
        line[: len(part)] = part
    here = rows >= 0
    gathered = {
        "tokens": np.where(here[..., None], columns["tokens"][rows], PADDING).astype(np.int32),
        "group": group[rows[:, 0]].astype(np.int32),
        "id": rows,
    }
    if "label" in columns:
        gathered["label"] = np.where(here, columns["label"][rows], -1).astype(np.int32)
    return gathered


def _uncased(model: Model) -> Tokenizer:
    from tokenizers import Tokenizer, normalizers, pre_tokenizers

    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _trained(tokenizer: Tokenizer, texts: Iterable[str], trainer: Trainer, size: int) -> Tokenizer:
    checks.at_least("size", size, len(SPECIAL) + 1)
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() <= len(SPECIAL):
        raise ValueError("texts hold no word: pass the texts of the training split.")
    return tokenizer


def _encodings(tokenizer: Tokenizer, texts: Sequence[str] | np.ndarray) -> list[list[int]]:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts hold {text!r} in row {row}, which is no text.")
    found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [encoding.ids for encoding in found]
