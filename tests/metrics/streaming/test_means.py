"""Streaming means at the edges of their range."""

from __future__ import annotations

import numpy as np
from metrics.streaming.cases import agree, streamed

from jaxmed.metrics import streaming


def test_log_loss_of_an_impossible_truth_is_finite():
    loss = streamed(streaming.log_loss(), [0], [[0.0, 1.0]])
    agree(loss, -np.log(np.finfo(np.float32).eps))


def test_the_brier_score_of_two_classes_counts_one_of_them_and_of_more_all():
    agree(streamed(streaming.brier(), [1, 0], [[0.4, 0.6], [0.8, 0.2]]), (0.16 + 0.04) / 2)
    agree(streamed(streaming.brier(), [2], [[0.2, 0.3, 0.5]]), 0.04 + 0.09 + 0.25)
