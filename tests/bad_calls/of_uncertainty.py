"""Uncertainty: entropies, selective prediction, and what makes a model give them."""

from __future__ import annotations

import jax
import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import AT_LEAST_0, COUNT, FRACTION, OBJECT, POSITIVE, TEXT, Kind, array, word
from bad_calls.of_numbers import CLASSES, P3, label, probabilities
from bad_calls.of_results import DATA, closed, outputs
from contracts.examples import EXAMPLES, begun

from jaxmed import evaluation, metrics, plots, transforms
from jaxmed.evaluation import out_of_distribution
from jaxmed.evaluation.laplace import laplace
from jaxmed.tasks import Model

MEMBERS = np.stack([P3, P3[::-1]])
_no_sums = [P3 / 2, P3 * 2, P3 - 1, P3 * np.nan]
_curve = metrics.risk_coverage(CLASSES, P3)
selective = {
    "label": label,
    "probabilities": probabilities,
    "confidence": (np.arange(4.0), array(1, more=[np.zeros(3), np.full(4, np.nan)]).optional()),
}
DROPOUT = Model(EXAMPLES["dropout"].task, {}, {})
STATE = begun("dropout")
BEGUN = (
    Model(DROPOUT.task, STATE.params, STATE.model_state),
    Kind([*OBJECT.bad, DROPOUT.task, Model]),
)
SPLIT = (dict(EXAMPLES["dropout"].columns), Kind(DATA[1].bad[:-1]))
MODEL = (DROPOUT, Kind([*OBJECT.bad, DROPOUT.task]))
KEY = Kind([value for value in OBJECT.bad if not isinstance(value, jax.Array) or value.ndim])
retained = (0.5, FRACTION.also(0, 0.0))
CALLS: dict[str, Call] = {
    "metrics.predictive_entropy": call(
        metrics.predictive_entropy, probabilities=(P3, array(2, more=_no_sums))
    ),
    "metrics.mutual_information": call(
        metrics.mutual_information,
        probabilities=(MEMBERS, array(3, more=[MEMBERS / 2, MEMBERS - 1, MEMBERS * np.nan])),
    ),
    "metrics.risk_coverage": call(metrics.risk_coverage, **selective),
    "metrics.aurc": call(metrics.aurc, **selective),
    "metrics.error_of_retained": call(metrics.error_of_retained, **selective, retained=retained),
    "metrics.auroc_of_retained": call(metrics.auroc_of_retained, **selective, retained=retained),
    "transforms.members": call(
        transforms.members,
        model=(
            Model(transforms.ensemble(DROPOUT.task, members=2), {"a": np.zeros((2, 1))}, {}),
            Kind([*OBJECT.bad, DROPOUT]),
        ),
    ),
    "transforms.mc_dropout": call(
        transforms.mc_dropout, model=MODEL, samples=(2, COUNT), key=(jax.random.key(0), KEY)
    ),
    "transforms.with_abstention": call(
        transforms.with_abstention,
        model=MODEL,
        threshold=(0.25, AT_LEAST_0),
        by=("entropy", word("entropy")),
    ),
    "evaluation.abstention_threshold": call(
        evaluation.abstention_threshold,
        {"validation": "data|validation|features"},
        model=BEGUN,
        validation=SPLIT,
        by=("entropy", word("entropy")),
        retained=(0.5, FRACTION.also(0, 0.0)),
        batch_size=(16, COUNT),
    ),
    "evaluation.laplace.laplace": call(
        laplace,
        {"train": "data|train|features"},
        model=BEGUN,
        train=SPLIT,
        layer=("hidden1", TEXT.also("hidden")),
        weights=("Dense_1", TEXT.also("Dense_0", "Dense_1/kernel")),
        prior_precision=(1.0, POSITIVE.optional()),
        batch_size=(16, COUNT),
    ),
    "evaluation.out_of_distribution.energy": call(
        out_of_distribution.energy,
        {"data": "data|features"},
        model=BEGUN,
        data=SPLIT,
        temperature=(1.0, POSITIVE),
        batch_size=(16, COUNT),
    ),
    "evaluation.out_of_distribution.class_mahalanobis": call(
        out_of_distribution.class_mahalanobis,
        {"train": "data|train|features"},
        model=BEGUN,
        train=SPLIT,
        layer=("hidden1", TEXT.also("hidden")),
        shrinkage=(0.5, FRACTION),
        batch_size=(16, COUNT),
    ),
    "evaluation.out_of_distribution.feature_neighbors": call(
        out_of_distribution.feature_neighbors,
        {"train": "data|train|features"},
        model=BEGUN,
        train=SPLIT,
        layer=("hidden1", TEXT.also("hidden")),
        neighbors=(3, COUNT.also(10_000)),
        batch_size=(16, COUNT),
    ),
    "plots.risk_coverage_curves": call(
        closed(plots.risk_coverage_curves),
        curves=({"a": tuple(_curve)}, Kind([*outputs.bad, {"a": 1}, {"a": (1, 2)}])),
    ),
}
