"""What makes a task, from a network and functions."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    AT_LEAST_0,
    BELOW_ONE,
    COUNT,
    COUNT_FROM_0,
    FLAG,
    FUNCTION,
    INSIDE,
    OBJECT,
    POSITIVE,
    QUANTILES,
    TEXT,
    TEXTS,
    Kind,
    array,
)

from jaxmed import losses, models, tasks
from jaxmed.data import augment, inputs
from jaxmed.metrics import streaming
from jaxmed.tasks.likelihood import Likelihood, gaussian

_METRICS = Kind(
    [
        *OBJECT.bad[:17],
        0,
        1.5,
        True,
        "",
        "accuracy",
        b"a",
        (),
        [],
        {"a": 1},
        {1: 2},
        [1],
        int,
        {"accuracy": streaming.accuracy},
        np.zeros(3),
        {"a": None},
    ]
)
network = (models.MLP((2,), 2), Kind([*OBJECT.bad, models.MLP]))
common = {
    "network": network,
    "inputs": (inputs.features(), FUNCTION),
    "metrics": ({"accuracy": streaming.accuracy()}, _METRICS.optional()),
}
classes = (
    ["a", "b", "c"],
    Kind(
        [*TEXTS.bad, 1, -3, 10**18, np.array(2.5), [], ["a"]],
        TEXTS.same,
    ),
)
two = (["a", "b"], TEXTS.also(["a"], ["a", "b", "c"]))
loss = (losses.cross_entropy, FUNCTION)
image = np.arange(16.0, dtype=np.float32).reshape(1, 4, 4, 1)
patches = Kind([*array(4).bad[:39], np.zeros((2, 3)), np.zeros((1, 3, 3, 1))], array(4).same)

CALLS: dict[str, Call] = {
    "classification": call(tasks.classification, **common, classes=classes, loss=loss),
    "ordinal_classification": call(
        tasks.ordinal_classification, **common, classes=classes, loss=loss
    ),
    "sequence_labeling": call(tasks.sequence_labeling, **common, classes=classes),
    "segmentation": call(
        tasks.segmentation,
        **common,
        classes=classes,
        loss=(losses.dice_cross_entropy, FUNCTION),
        background=(True, FLAG),
        surfaces=(False, FLAG),
        tolerance=(1.0, AT_LEAST_0),
    ),
    "binary_classification": call(tasks.binary_classification, **common, classes=two, loss=loss),
    "multilabel_classification": call(
        tasks.multilabel_classification, **common, classes=(["a", "b"], TEXTS), loss=loss
    ),
    "regression": call(
        tasks.regression,
        **common,
        loss=loss,
        unit=("mm", Kind([value for value in TEXT.bad if not isinstance(value, str)])),
        standardized=(False, FLAG),
    ),
    "quantile_regression": call(
        tasks.quantile_regression,
        **common,
        quantiles=((0.25, 0.5, 0.75), QUANTILES),
        unit=("mm", Kind([value for value in TEXT.bad if not isinstance(value, str)])),
    ),
    **{
        name: call(
            getattr(tasks, name),
            **common,
            count=("events", TEXT),
            exposure=("days", TEXT.optional()),
        )
        for name in ("poisson_regression", "negative_binomial_regression")
    },
    **{
        name: call(
            getattr(tasks, name),
            **common,
            times=((1.0, 2.0, 4.0), array(1, more=[[1.0], [0.0, 1.0], [2.0, 1.0], [1.0, np.inf]])),
            time=("days", TEXT),
            event=("relapse", TEXT),
            degree=(1, COUNT_FROM_0.optional().also(3)),
            **more,
        )
        for name, more in {
            "discrete_time_survival": {},
            "piecewise_hazard": {"start": ("entry", TEXT.optional())},
        }.items()
    },
    "probability_mass_survival": call(
        tasks.probability_mass_survival,
        **common,
        times=((1.0, 2.0, 4.0), array(1, more=[[1.0], [0.0, 1.0], [2.0, 1.0], [1.0, np.inf]])),
        time=("days", TEXT),
        event=("relapse", TEXT),
        ranking=(0.5, AT_LEAST_0),
        scale=(0.1, POSITIVE),
    ),
    "competing_risks": call(
        tasks.competing_risks,
        **common,
        times=((1.0, 2.0, 4.0), array(1, more=[[1.0], [0.0, 1.0], [2.0, 1.0], [1.0, np.inf]])),
        causes=(
            ("stroke", "other"),
            Kind(
                [*TEXTS.bad, "stroke", ["stroke"], ["stroke", "stroke"], ["a b", "c"]], TEXTS.same
            ),
        ),
        time=("days", TEXT),
        cause=("cause", TEXT),
        degree=(1, COUNT_FROM_0.optional().also(3)),
    ),
    "proportional_hazards": call(
        tasks.proportional_hazards,
        **common,
        time=("days", TEXT),
        event=("relapse", TEXT),
        start=("entry", TEXT.optional()),
    ),
    "interval_ends": call(
        tasks.interval_ends,
        time=(np.arange(1.0, 6), array(1, more=[np.arange(-1.0, 4), np.full(5, np.nan)])),
        event=(np.array([1, 0, 1, 1, 0]), array(1, more=[np.zeros(5, int), np.full(5, 3)])),
        intervals=(2, COUNT.also(1)),
    ),
    "contrastive": call(
        tasks.contrastive,
        **common,
        augment=(augment.per_image(augment.random_flip()), FUNCTION),
        temperature=(0.5, POSITIVE),
    ),
    "masked_pixels": call(
        tasks.masked_pixels,
        **common,
        patch=(4, COUNT),
        share=(0.5, INSIDE),
        target=(tasks.standardized_patches, FUNCTION.optional()),
    ),
    "reconstruction": call(
        tasks.reconstruction, **common, noise=(tasks.gaussian_noise(0.5), FUNCTION.optional())
    ),
    "variational": call(
        tasks.variational,
        **common,
        beta=(1.0, AT_LEAST_0),
        likelihood=(gaussian(1.0), Kind([*OBJECT.bad, Likelihood]).optional()),
        draws=(2, COUNT),
    ),
    "transformation_prediction": call(
        tasks.transformation_prediction,
        **common,
        transformations=(
            tasks.geometric_transformations()[:2],
            Kind([*OBJECT.bad, [], [None, None], [lambda x: x]]),
        ),
    ),
    "word_prediction": call(
        tasks.word_prediction,
        network=network,
        draws=(2, COUNT),
        metrics=common["metrics"],
    ),
    "gaussian_noise": call(tasks.gaussian_noise, deviation=(0.5, POSITIVE)),
    "masking_noise": call(tasks.masking_noise, share=(0.5, BELOW_ONE)),
    "geometric_transformations": call(tasks.geometric_transformations, shift=(1, COUNT_FROM_0)),
    "standardized_patches": call(
        tasks.standardized_patches,
        {"x": "x|patch"},
        x=(image, patches),
        patch=(2, COUNT.also(3)),
    ),
    "Task": call(
        tasks.Task,
        init=(print, FUNCTION),
        loss=(print, FUNCTION),
        predict=(print, FUNCTION),
        judge=(tasks.Judge(), OBJECT),
    ),
}
CALLS = {f"tasks.{name}": line for name, line in CALLS.items()}
