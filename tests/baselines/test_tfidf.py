"""Logistic regression on TF-IDF against its parts from scikit-learn, assembled by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from jaxmed.baselines import tfidf

RNG = np.random.default_rng(0)
WORDS = np.array(
    ["pain", "relief", "rash", "fever", "dose", "daily", "after", "before", "severe", "mild"]
)
LABEL = (np.arange(60) % 3 == 0).astype(np.int32)  # a third is positive
TEXTS = [
    " ".join(["rash" if y and RNG.random() < 0.7 else "dose", *RNG.choice(WORDS, 6)]) for y in LABEL
]


def reference(train: list[str], test: list[str], C: float, balanced: bool) -> np.ndarray:
    parts = [
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), sublinear_tf=True, min_df=2),
    ]
    features = sparse.hstack([part.fit_transform(train) for part in parts]).tocsr()
    weights = "balanced" if balanced else None
    model = LogisticRegression(C=C, class_weight=weights, max_iter=1000)
    model.fit(features, LABEL[: len(train)])
    return model.predict_proba(sparse.hstack([part.transform(test) for part in parts]).tocsr())


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("C", [0.3, 10.0])
def test_the_probabilities_are_those_of_the_parts(C, balanced):
    model = tfidf.fit_tfidf(
        TEXTS[:40], LABEL[:40], word_ngrams=(1, 2), character_ngrams=(2, 3), C=C, balanced=balanced
    )
    found = model.predict_proba(TEXTS[40:])
    np.testing.assert_allclose(found, reference(TEXTS[:40], TEXTS[40:], C, balanced), atol=1e-6)
