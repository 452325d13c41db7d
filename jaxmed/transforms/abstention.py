"""A classifier that says where it is too uncertain to answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks.task import Model
from jaxmed.tasks.uncertainty import uncertainty_of
from jaxmed.tasks.with_outputs import with_outputs
from jaxmed.typing import Outputs, Tree

_FROM = "abstains_above"


def with_abstention(model: Model, *, threshold: float, by: str = "entropy") -> Model:
    """The same model, which also says `abstain` where its uncertainty is above the threshold.

    The class and the probabilities stay as they are, and with them every statistic: a reader
    decides what to do with a row that the model abstains from. Choose the threshold on validation
    data, with `evaluation.abstention_threshold`. A model that is confident in what it has never
    seen does not abstain from it; see `evaluation.out_of_distribution`.

    Args:
        model: that answers with one of several classes; give it another decision threshold first.
        threshold: at least 0, in the unit of the measure. It becomes a value of the model, rounded
            to float32, which is saved and exported with it.
        by: what is uncertain, as in `tasks.uncertainty_of`: `entropy` or `mutual_information`, in
            nats, or `max_probability`, one minus the largest probability.

    Returns:
        The model; its outputs also hold `uncertainty` and `abstain` [rows], and so do its answers.

    Raises:
        ValueError: if the threshold is out of range, the measure unknown, or the model has no
            classes; when it predicts, if it does not give the `mutual_information` asked for.

    References:
        El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, 2010.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    checks.at_least("threshold", threshold, 0)
    judge = model.task.judge
    measured = uncertainty_of(judge, by)

    def change(values: Mapping[str, Tree], outputs: Outputs) -> Outputs:
        uncertainty = measured(outputs)
        return {**outputs, "uncertainty": uncertainty, "abstain": uncertainty > values[_FROM]}

    def answer(outputs: Outputs) -> Outputs:
        said = {name: outputs[name] for name in ("uncertainty", "abstain")}
        return {**judge.answer(outputs), **said}

    changed = dataclasses.replace(judge, answer=answer, decided=None)
    return with_outputs(model, {_FROM: jnp.float32(threshold)}, change, changed)
