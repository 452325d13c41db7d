"""Losses and metrics of segmentation."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    ARRAY,
    AT_LEAST_0,
    COUNT,
    COUNT_FROM_2,
    FLAG,
    FRACTION,
    POSITIVE,
    Kind,
    array,
)

from jaxmed import losses, metrics
from jaxmed.metrics import streaming

_rng = np.random.default_rng(0)
LOGITS = _rng.normal(size=(2, 3, 4, 3)).astype(np.float32)
LABELS = _rng.integers(-1, 3, (2, 3, 4))
TRUTH, PREDICTED = LABELS[0], np.maximum(LABELS[1], 0)
COUNTS = metrics.voxel_counts(TRUTH, PREDICTED, classes=3)

_no_labels = [LABELS + 1, LABELS - 1, LABELS + 0.5, LABELS[:1], LABELS * np.nan]
_no_weights = [np.ones(2), [1, 1, -1], [1, np.nan, 1], [1, 2, 3, 4], np.zeros(3)]
_no_map = [TRUTH + 2, TRUTH - 3, TRUTH + 0.5, TRUTH[:2], TRUTH * np.nan, np.zeros((3, 4, 1))]
# Numbers, one per axis of space.
_no_spacing = [(1.0,), (1.0, 1.0, 1.0), (1.0, 0.0), (1.0, -2.0), (1.0, np.nan), (np.inf, 1.0)]
_per_axis = Kind(
    [*array(1).bad, *_no_spacing], lambda good: [list(good), tuple(good), np.array(good)]
).optional()

logits = (LOGITS, array(4, more=[LOGITS[..., :1], LOGITS[:1], np.zeros((2, 4, 3, 3))]))
labels = (LABELS, array(3, more=_no_labels))
smooth = (0.5, POSITIVE)
background = (True, FLAG)
class_weights = (np.array([1.0, 2.0, 0.5]), array(1, more=_no_weights).optional())
spacing = ((1.0, 2.5), _per_axis)
truth = (TRUTH, array(2, more=_no_map))
predicted = (PREDICTED, array(2, more=[*_no_map, PREDICTED - 1]))
maps = {"truth": truth, "predicted": predicted, "classes": (3, COUNT_FROM_2.also(2))}
says = {"classes": "classes|truth|predicted", "truth": "truth|predicted"}
_one_each = [(1.0, 1.0), (1.0, 1.0, -1.0), [[1.0, 1.0, 1.0]], np.full(3, np.nan)]


def _is_number(value):
    """One tolerance is as good as one per class."""
    array_of_one = isinstance(value, np.ndarray) and not value.shape and value.dtype.kind == "f"
    return array_of_one or (isinstance(value, int | float) and not isinstance(value, bool))


distances = {
    "tolerance": (
        (1.0, 0.5, 2.0),
        Kind([*(x for x in array(1).bad if not _is_number(x)), *_one_each, -1.0, np.nan, np.inf]),
    ),
    "worst_distance": (9.0, AT_LEAST_0.optional()),
}
instances = {
    "truth": (TRUTH, array(2, more=[TRUTH - 3, TRUTH + 0.5, TRUTH[:2], TRUTH * np.nan])),
    "predicted": (PREDICTED, array(2, more=[PREDICTED - 1, PREDICTED + 0.5, PREDICTED[:2]])),
}
_no_counts = [x for x in ARRAY.bad if not isinstance(x, np.ndarray) or x.size]
_no_thresholds = [(1.0,), (-0.1,), (), [0.5, np.nan], [[0.5]], "0.5", ("a",), (None,)]

LOSSES = {
    "dice": {"smooth": smooth, "include_background": background, "class_weights": class_weights},
    "generalized_dice": {
        "smooth": smooth,
        "include_background": background,
        "power": (1.0, AT_LEAST_0),
    },
    "tversky": {
        "alpha": (0.3, AT_LEAST_0),
        "beta": (0.7, AT_LEAST_0),
        "smooth": smooth,
        "include_background": background,
        "class_weights": class_weights,
    },
    "focal_tversky": {
        "alpha": (0.3, AT_LEAST_0),
        "beta": (0.7, AT_LEAST_0),
        "gamma": (1.5, POSITIVE),
        "smooth": smooth,
        "include_background": background,
        "class_weights": class_weights,
    },
    "voxel_cross_entropy": {"class_weights": class_weights},
    "dice_cross_entropy": {
        "dice_weight": (0.5, AT_LEAST_0),
        "cross_entropy_weight": (2.0, AT_LEAST_0),
        "smooth": smooth,
        "include_background": background,
        "class_weights": class_weights,
    },
    "boundary": {
        "spacing": spacing,
        "include_background": background,
        "class_weights": class_weights,
    },
    "cl_dice": {
        "alpha": (0.3, FRACTION),
        "iterations": (2, COUNT.also(101)),
        "smooth": smooth,
        "include_background": background,
        "class_weights": class_weights,
    },
}
CALLS: dict[str, Call] = {
    **{
        f"losses.{name}": call(
            getattr(losses, name), {"labels": "labels|logits"}, logits=logits, labels=labels, **more
        )
        for name, more in LOSSES.items()
    },
    "metrics.dice": call(metrics.dice, says, **maps),
    "metrics.voxel_counts": call(metrics.voxel_counts, says, **maps),
    "metrics.overlap": call(metrics.overlap, says, spacing=spacing, **maps),
    "metrics.overlap_of_counts": call(
        metrics.overlap_of_counts,
        counts=(COUNTS, Kind([*_no_counts, COUNTS[:2], COUNTS - 9, COUNTS * np.nan])),
    ),
    "metrics.surface_agreement": call(
        metrics.surface_agreement, says, spacing=spacing, **maps, **distances
    ),
    "metrics.segmentation_case": call(
        metrics.segmentation_case,
        says,
        spacing=spacing,
        surfaces=(True, FLAG),
        **maps,
        **distances,
    ),
    "metrics.object_agreement": call(
        metrics.object_agreement,
        thresholds=((0.25, 0.5), Kind([*array(1).bad, *_no_thresholds])),
        **instances,
    ),
    "metrics.aggregated_jaccard": call(metrics.aggregated_jaccard, **instances),
    "metrics.streaming.dice": call(
        streaming.dice, classes=(3, COUNT_FROM_2), include_background=background
    ),
}
