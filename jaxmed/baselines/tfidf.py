"""What a network on texts must beat: a linear model on the TF-IDF of words and characters.

scikit-learn's, as strong as it gets without labels: words and n-grams of words and of characters,
balanced classes where that helps. Each experiment on texts trains one and prints it in its table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union


def fitted(
    texts: Sequence[str],
    label: np.ndarray,
    *,
    words: tuple[int, int],
    characters: tuple[int, int],
    strength: float,
    balanced: bool = False,
) -> Any:
    """Logistic regression on TF-IDF, fitted.

    Args:
        texts: of the training split.
        label: theirs.
        words: shortest and longest n-gram of words.
        characters: and of characters, within words.
        strength: C, the inverse of the regularisation.
        balanced: weigh classes by their rarity.
    """
    terms = make_union(
        TfidfVectorizer(ngram_range=words, sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=characters, sublinear_tf=True, min_df=2),
    )
    weights = "balanced" if balanced else None
    model = make_pipeline(
        terms, LogisticRegression(C=strength, class_weight=weights, max_iter=1000)
    )
    return model.fit(texts, label)
