"""Baselines: simple models that a network should outperform.

- `feature_ridge`: ridge regression on random convolution features of signals, as a model.
- `pixel_svm`: a support vector machine on raw pixels.
- `tfidf`: logistic regression on TF-IDF features of texts.
- `probes`: simple classifiers on the features of a network that was trained without labels.
- `ridge`: ridge regression as a linear classifier with probabilities.
"""

from jaxmed.baselines import feature_ridge, pixel_svm, probes, ridge, tfidf

__all__ = ["feature_ridge", "pixel_svm", "probes", "ridge", "tfidf"]
