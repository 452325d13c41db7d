"""Attributions: how much each number of a row has to do with a score."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    ARRAY,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    COUNTS,
    FLAG,
    FUNCTION,
    INSIDE,
    JUNK,
    NOT_FINITE,
    OBJECT,
    POSITIVE,
    TEXT,
    Kind,
    word,
)
from explain.by_hand import formula, transformer

from jaxmed import explain
from jaxmed.tasks import Model

SLOPES = np.array([1.0, -2.0, 3.0], np.float32)
X = np.array([[1.0, 1, 1], [-1, 2, -1]], np.float32)
PLAIN = formula(lambda x: x @ SLOPES)
IMAGES = formula(lambda x: x.sum((1, 2, 3)), column="image")
_no_columns = COLUMNS.also({"features": np.zeros((0, 3))})
_target = Kind(
    [
        *JUNK,
        *NOT_FINITE,
        2,
        -1,
        0.5,
        True,
        "",
        "il",
        b"ill",
        [0, 1, 0],
        [0, 2],
        ["ill", "il"],
        {},
        int,
        np.zeros((2, 2)),
    ],
    lambda good: [np.int64(good), float(good), [good, good], np.array([good, good]), "ill"],
)
_baseline = Kind([x for x in ARRAY.bad if x is not None and not isinstance(x, int | float)]).also(
    np.zeros(2), np.nan
)
_groups = Kind([x for x in ARRAY.bad if x is not None], ARRAY.same).also(
    [0, 1], [0.5, 1, 2], [-1, 0, 1], [0, 2, 2]
)


def running(model, data, layer="inputs"):
    return {
        "model": (model, Kind([*OBJECT.bad, model.task, Model])),
        "data": (data, _no_columns),
        "target": (1, _target),
        "layer": (layer, TEXT.also("input").optional()),
        "score": (lambda outputs: outputs["both"], FUNCTION.also(int, len).optional()),
        "batch_size": (4, COUNT),
    }


columns = running(PLAIN, {"features": X})
background = ({"features": X}, _no_columns)
CALLS: dict[str, Call] = {
    "explain.saliency": call(explain.saliency, **columns),
    "explain.input_x_gradient": call(explain.input_x_gradient, **columns),
    "explain.smooth_grad": call(
        explain.smooth_grad,
        **columns,
        draws=(2, COUNT),
        noise=(0.25, POSITIVE),
        seed=(0, COUNT_FROM_0),
    ),
    "explain.integrated_gradients": call(
        explain.integrated_gradients,
        **columns,
        baseline=(0.5, _baseline),
        steps=(2, COUNT),
        rule=("midpoint", word("midpoint")),
    ),
    "explain.expected_gradients": call(
        explain.expected_gradients,
        **columns,
        background=background,
        draws=(2, COUNT),
        seed=(0, COUNT_FROM_0),
    ),
    "explain.grad_cam": call(
        explain.grad_cam,
        **running(IMAGES, {"image": np.ones((2, 4, 4, 1), np.float32)}),
        upsample=(True, FLAG),
    ),
    "explain.occlusion": call(
        explain.occlusion,
        **columns,
        window=((2,), COUNTS.also([4], [0], 0, [2, 2]).optional()),
        stride=((1,), COUNTS.also([4], [0], 0, [1, 1]).optional()),
        baseline=(0.5, _baseline),
    ),
    "explain.rise": call(
        explain.rise,
        **columns,
        masks=(4, COUNT),
        shown=(0.5, INSIDE),
        cells=((2,), COUNTS.also([4], [0], 0, [2, 2]).optional()),
        baseline=(0.5, _baseline),
        seed=(0, COUNT_FROM_0),
    ),
    "explain.exact_shapley": call(
        explain.exact_shapley, **columns, background=background, groups=([0, 1, 1], _groups)
    ),
    "explain.kernel_shap": call(
        explain.kernel_shap,
        **columns,
        background=background,
        groups=([0, 1, 1], _groups),
        samples=(8, COUNT),
        seed=(0, COUNT_FROM_0),
    ),
    "explain.attention_rollout": call(
        explain.attention_rollout,
        **running(
            transformer({"attention/weights": np.full((2, 1, 5, 5), 0.2, np.float32)}),
            {"image": np.ones((2, 4, 4, 1), np.float32)},
            "attention/weights",
        ),
        reader=("first", word("first")),
        grid=((2, 2), COUNTS.also([3, 3], [2], []).optional()),
    ),
    "explain.per_token": call(
        explain.per_token,
        attribution=(np.ones((2, 3, 4)), ARRAY.also(np.ones(3), np.ones((2, 3)))),
    ),
}
