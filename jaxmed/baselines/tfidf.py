"""Baseline for texts: logistic regression on TF-IDF features of words and characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.typing import Int


def fit_tfidf(
    texts: Sequence[str] | np.ndarray,
    label: Int[np.ndarray, " rows"],
    *,
    word_ngrams: tuple[int, int],
    character_ngrams: tuple[int, int],
    C: float,
    balanced: bool = False,
) -> Any:
    """Train logistic regression on TF-IDF.

    Features are n-grams of words and n-grams of characters within words that occur in at least two
    texts, with sublinear term frequency 1 + log tf.

    Args:
        texts: of the training split [rows].
        label: classes [rows].
        word_ngrams: shortest and longest n-gram of words.
        character_ngrams: shortest and longest n-gram of characters.
        C: inverse regularization strength, above 0.
        balanced: weight classes by their inverse frequency.

    Returns:
        A trained scikit-learn pipeline; `predict_proba(texts)` gives [rows, classes].
    """
    checks.positive("C", C)
    checks.flag("balanced", balanced)
    ranges = {"word_ngrams": word_ngrams, "character_ngrams": character_ngrams}
    n_grams = {name: checks.wholes(name, given, most=100) for name, given in ranges.items()}
    for name, found in n_grams.items():
        if len(found) != 2 or found[0] > found[1]:
            raise ValueError(f"{name} is {found}, but must be (shortest, longest), such as (1, 2).")
    texts = checks.sequence("texts", texts, "strings")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts[{number}] is {checks.shown(text)}, but must be a string.")
    label = checks.real_array("label", label, "rows")
    if len(label) != len(texts) or len(np.unique(label)) < 2:
        raise ValueError(
            f"label has {len(label)} rows and {len(np.unique(label))} classes, but must have one "
            f"class for each of the {len(texts)} texts, and at least two of them."
        )
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    features = make_union(
        TfidfVectorizer(ngram_range=n_grams["word_ngrams"], sublinear_tf=True, min_df=2),
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=n_grams["character_ngrams"], sublinear_tf=True, min_df=2
        ),
    )
    weights = "balanced" if balanced else None
    classifier = LogisticRegression(C=float(C), class_weight=weights, max_iter=1000)
    return make_pipeline(features, classifier).fit(texts, label)
