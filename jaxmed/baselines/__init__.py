"""Baselines: simple models that a network should outperform.

- `minirocket_ridge`: ridge regression on random convolution features of signals.
- `pixel_svm`: a support vector machine on raw pixels.
- `tfidf`: logistic regression on TF-IDF features of texts.
- `probes`: simple classifiers on the features of a network that was trained without labels.
"""

from jaxmed.baselines import minirocket_ridge, pixel_svm, probes, tfidf

__all__ = ["minirocket_ridge", "pixel_svm", "probes", "tfidf"]
