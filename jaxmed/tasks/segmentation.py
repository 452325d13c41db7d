"""Segmentation: a class for each pixel of an image, or voxel of a volume."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks, fitted, losses, metrics
from jaxmed.fitted import Fitted
from jaxmed.metrics import streaming
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import arguments, class_judges
from jaxmed.tasks.judge import Judge, Statistic
from jaxmed.tasks.network import (
    Inputs,
    Network,
    first_values,
    fitted_part,
    in_training,
    intermediates_of,
    variables,
)
from jaxmed.tasks.row_means import row_means
from jaxmed.tasks.segmented_cases import case_figures, regions_of
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Columns, Key, Loss, ModelState, Outputs, Params

_OVERLAP = ("dice", "iou", "sensitivity", "precision", "volume_error")
_SURFACES = ("hd95", "assd", "surface_dice")


def segmentation(
    network: Network,
    *,
    classes: Sequence[str],
    inputs: Inputs,
    loss: Loss | Fitted = losses.dice_cross_entropy,
    metrics: Mapping[str, Metric] | None = None,
    background: bool = True,
    surfaces: bool = True,
    tolerance: float = 1.0,
) -> Task:
    """One of several classes for each pixel or voxel; softmax gives the probabilities.

    A case is one row of the data, an image or a volume. Its statistics are computed for each class
    by itself and then averaged over the classes and the cases: no NaN where a class is absent, see
    `metrics.segmentation_case`. With a column `spacing` [rows, axes], in mm per voxel, distances
    are in mm.

    Args:
        network: gives [batch, *space, classes], or in training a tuple of these, finest first,
            whose sides divide those of the image (deep supervision, see `models.UNet`).
        classes: names in the order of their labels, at least 2.
        inputs: what the network reads of a batch.
        loss: of (logits [batch, *space, classes], labels [batch, *space]); pixels that are not
            labelled have the label -1. Under deep supervision the loss of the k-th coarser logits
            has the weight 2^-k, of a sum of 1 (Isensee et al. 2021).
        metrics: streaming metrics of training by name; by default the Dice score of all pixels.
        background: whether the first class is what surrounds the others: it is learned, but left
            out of the statistics.
        surfaces: whether cases are also compared by the distances of surfaces, which takes most of
            the time of an evaluation.
        tolerance: distance in mm that the surface Dice counts as none.

    Returns:
        A task with the outputs `logits` and `probabilities`, both [batch, *space, classes].

    Raises:
        ValueError: for fewer than 2 classes, a tolerance below 0, or when it is first traced, for
            a network of other outputs.
    """
    names = arguments.class_names(classes)
    checks.flag("background", background)
    checks.flag("surfaces", surfaces)
    checks.at_least("tolerance", tolerance, 0)
    arguments.parts(network, metrics, inputs=inputs, loss=loss)
    parts: dict[str, Any] = {"inputs": inputs, "loss": loss}

    def outputs_of(logits: Any) -> Outputs:
        if logits.ndim < 4 or logits.shape[-1] != len(names):
            raise ValueError(
                f"network gives outputs of shape {logits.shape}, but this task needs (batch, "
                f"*space, {len(names)}): use one such as models.UNet(outputs={len(names)})."
            )
        logits = logits.astype(jnp.float32)
        return {"logits": logits, "probabilities": jax.nn.softmax(logits)}

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        x = fitted_part(inputs, state, "inputs")(batch)
        return outputs_of(network.apply(variables(params, state), x, train=False))

    def task_loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        run = in_training(network, params, batch["mask"], key)
        found, after = run(fitted_part(inputs, state, "inputs")(batch), state)
        scales = found if isinstance(found, tuple) else (found,)
        # Random turns and patches change the labels too; metrics compare with what was seen.
        outputs = {**outputs_of(scales[0]), "label": batch["label"]}
        of_scale = fitted_part(loss, state, "loss")
        weights = np.exp2(-np.arange(len(scales)))
        each = [
            weight * of_scale(logits, _labels_of_size(batch["label"], logits.shape[1:-1]))
            for weight, logits in zip(weights / weights.sum(), scales, strict=True)
        ]
        return functools.reduce(jnp.add, each), (after, outputs)

    return Task(
        first_values(network, **parts),
        task_loss,
        predict,
        {"dice": streaming.dice(len(names))} if metrics is None else metrics,
        _judge(names, names[1:] if background else names, surfaces, tolerance),
        fitted.joined(parts),
        fitted.missing(inputs),
        intermediates_of(network, inputs, lambda outputs, _: outputs_of(outputs)),
    )


def _labels_of_size(label: Array, space: Sequence[int]) -> Array:
    """The label in the middle of each block of pixels that one of the coarser logits stands for."""
    for axis, side in enumerate(space, 1):
        factor, rest = divmod(label.shape[axis], side)
        if rest:
            raise ValueError(
                f"network gives logits of {tuple(space)} pixels, which do not divide the "
                f"{label.shape[1:]} pixels of the labels: crop or pad the images."
            )
        if factor > 1:
            label = jax.lax.slice_in_dim(label, factor // 2, None, factor, axis)
    return label


def _judge(names: Sequence[str], shown: Sequence[str], surfaces: bool, tolerance: float) -> Judge:
    kinds = (*_OVERLAP, *(_SURFACES if surfaces else ()))
    of_positions = class_judges.of_positions(names)

    def table(columns: Columns, outputs: Columns) -> Columns:
        predicted = np.asarray(outputs["probabilities"]).argmax(-1)
        spacing = columns.get("spacing")
        cases = [
            metrics.segmentation_case(
                np.asarray(truth, np.int32),
                found,
                classes=len(names),
                spacing=None if spacing is None else spacing[row],
                tolerance=tolerance,
                surfaces=surfaces,
            )
            for row, (truth, found) in enumerate(zip(columns["label"], predicted, strict=True))
        ]
        return {
            f"{kind}_{name}": np.array([case[kind][names.index(name)] for case in cases])
            for kind in cases[0]
            for name in shown
        }

    def check(columns: Columns, *, training: bool) -> str | None:
        return of_positions.check(columns, training=training) or _wrong_space(columns)

    def answer(outputs: Outputs) -> Outputs:
        chosen = outputs["probabilities"].argmax(-1)
        space = tuple(range(1, chosen.ndim))
        counts = [(chosen == number).sum(space) for number in range(len(names))]
        return {"voxels": jnp.stack(counts, axis=1)}

    means = {kind: _mean_of([f"{kind}_{name}" for name in shown]) for kind in kinds}
    each = row_means(*(f"{kind}_{name}" for kind in kinds for name in shown)).statistics
    return dataclasses.replace(
        of_positions,
        check=check,
        table=table,
        statistics=means if len(shown) == 1 else {**means, **each},
        figures=functools.partial(case_figures, shown),
        summary=lambda table: (),
        answer=answer,
        names={"voxels": names},
        subjects=dict.fromkeys(means, shown[0] if len(shown) == 1 else f"mean of {len(shown)}"),
        areas=(),
        proportions={},
        of_one_class=(),
        regions=regions_of(names, shown),
        scores=_weighted_logits,
    )


def _wrong_space(columns: Columns) -> str | None:
    """What is wrong with the axes of labels, or with the column `spacing`."""
    shape = columns["label"].shape
    if len(shape) not in (3, 4):
        return f"has labels of shape {shape}, but needs one class per pixel of images or volumes"
    spacing = columns.get("spacing")
    if spacing is None:
        return None
    if spacing.shape != (shape[0], len(shape) - 1) or spacing.dtype.kind not in "iuf":
        return (
            f"has a spacing of shape {spacing.shape} and dtype {spacing.dtype}, but needs one "
            f"number for each of the {len(shape) - 1} axes of the labels"
        )
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        return "has a spacing that is not above 0 mm: read it from the files again"
    return None


def _mean_of(columns: Sequence[str]) -> Statistic:
    """The mean over columns of their means over the cases."""
    each = row_means(*columns).statistics

    def statistic(table: Columns, weights: np.ndarray | None) -> float | np.ndarray:
        found = np.mean([of_column(table, weights) for of_column in each.values()], axis=0)
        return float(found) if weights is None else found

    return statistic


def _weighted_logits(outputs: Outputs) -> Array:
    """For each class its mean logit, each pixel weighted by its probability, [rows, classes].

    What explanations explain: the pixels of one class together, as in Vinogradova et al. 2020
    (Seg-Grad-CAM), but with weights in place of a choice, which would jump as the image changes.
    A mean over windows or copies has no logits; the logarithm of its probabilities stands for them.
    """
    weights, least = outputs["probabilities"], float(np.finfo(np.float32).tiny)
    logits = outputs["logits"] if "logits" in outputs else jnp.log(jnp.maximum(weights, least))
    space = tuple(range(1, weights.ndim - 1))
    return (logits * weights).sum(space) / jnp.maximum(weights.sum(space), least)
