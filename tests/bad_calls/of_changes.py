"""Augmentations, and functions from a task to a task: refused when they are made."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    ARRAY,
    AT_LEAST_0,
    BELOW_ONE,
    COUNT,
    COUNT_FROM_0,
    COUNTS,
    FLAG,
    FRACTION,
    FUNCTION,
    INSIDE,
    NUMBER,
    OBJECT,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    array,
)
from contracts.examples import EXAMPLES

from jaxmed import transforms
from jaxmed.data import augment
from jaxmed.tasks import Model

IMAGE = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
AXES = Kind(
    [*COUNTS.bad, (-1,), (-5,), (1,), (-2, -2), [-2.5]],
    lambda good: [list(good), np.array(good)],
)
DEGREES = AT_LEAST_0.also(181, 360)
FILL = (0.5, NUMBER)

AUGMENT: dict[str, Call] = {
    "as_float32": call(
        lambda image: augment.as_float32(None, image),
        image=(IMAGE, Kind([*array(3).bad[:39], np.zeros((0, 2, 1)), np.zeros((2, 2, 1), int)])),
    ),
    "compose": call(
        lambda change: augment.compose(change),
        {"change": r"augmentations\[0\]"},
        change=(augment.random_flip(), FUNCTION),
    ),
    "ct": call(augment.ct, fill=FILL),
    "elastic": call(augment.elastic, alpha=(3.0, AT_LEAST_0), sigma=(2.0, POSITIVE)),
    "gaussian_blur": call(
        augment.gaussian_blur,
        values=(IMAGE, Kind([*ARRAY.bad[:-2], np.zeros(3)], ARRAY.same)),
        sigma=(0.5, AT_LEAST_0),
    ),
    "image_only": call(augment.image_only, augmentation=(augment.as_float32, FUNCTION)),
    "interpolate": call(
        augment.interpolate,
        image=(IMAGE, array(3, more=[np.zeros((2, 2, 1), int)])),
        coordinates=(np.zeros((2, 2, 3), np.float32), array(3, more=[np.zeros((3, 2, 3))])),
        fill=FILL,
    ),
    "paired": call(
        augment.paired,
        augmentation=(augment.random_flip(), FUNCTION.also(lambda key, image: image)),
    ),
    "per_image": call(augment.per_image, augmentation=(augment.random_flip(), FUNCTION)),
    "per_signal": call(
        augment.per_signal, augmentation=(augment.random_gain(0.1), FUNCTION), column=("a", TEXT)
    ),
    "random_baseline_wander": call(
        augment.random_baseline_wander,
        {"low": "low|high", "high": "low|high"},
        amplitude=(0.1, AT_LEAST_0),
        rate=(100.0, POSITIVE),
        low=(0.1, POSITIVE.also(0.6)),
        high=(0.5, POSITIVE.also(0.05)),
    ),
    "random_gain": call(augment.random_gain, strength=(0.1, AT_LEAST_0)),
    "random_lead_dropout": call(augment.random_lead_dropout, probability=(0.5, BELOW_ONE)),
    "random_signal_noise": call(augment.random_signal_noise, strength=(0.1, AT_LEAST_0)),
    "random_time_shift": call(augment.random_time_shift, samples=(2, COUNT_FROM_0)),
    "random_time_warp": call(
        augment.random_time_warp, strength=(0.1, AT_LEAST_0), knots=(5, COUNT.also(1))
    ),
    "random_apply": call(
        augment.random_apply,
        augmentation=(augment.random_flip(), FUNCTION),
        probability=(0.5, FRACTION),
    ),
    "random_crop": call(
        augment.random_crop,
        size=((2, 2), COUNTS.also((0, 1))),
        padding=(1, COUNT_FROM_0),
        fill=FILL,
    ),
    "random_cutmix": call(augment.random_cutmix, alpha=(1.0, AT_LEAST_0)),
    "random_cutout": call(augment.random_cutout, size=(2, COUNT_FROM_0), fill=FILL),
    "random_flip": call(augment.random_flip, axes=((-2, -3), AXES)),
    "random_mixup": call(augment.random_mixup, alpha=(1.0, AT_LEAST_0)),
    "random_patch": call(
        augment.random_patch,
        size=((2, 2), COUNTS.also((0, 1))),
        foreground=(0.25, FRACTION),
        background=(0, COUNT_FROM_0.also(128)),
    ),
    "random_resized_crop": call(augment.random_resized_crop, min_side=(0.5, FRACTION.also(0, 0.0))),
    "random_shift": call(
        augment.random_shift, pixels=(2, COUNT_FROM_0), fill=(0.5, NUMBER.optional())
    ),
    "random_warp": call(
        lambda warp, fill: augment.random_warp(warp, fill=fill),
        {"warp": r"warps\[0\]"},
        warp=(augment.rotation(3), FUNCTION),
        fill=FILL,
    ),
    "rotation": call(
        augment.rotation, degrees=(7.0, DEGREES), plane=((-3, -2), AXES.also((-2,), (-2, -3, -4)))
    ),
    "scaling": call(augment.scaling, strength=(0.1, AT_LEAST_0)),
    "translation": call(augment.translation, fraction=(0.1, FRACTION)),
    "random_gamma": call(augment.random_gamma, strength=(0.1, AT_LEAST_0)),
    "random_gaussian_blur": call(augment.random_gaussian_blur, sigma=(0.1, AT_LEAST_0)),
    **{
        name: call(getattr(augment, name), strength=(0.1, FRACTION))
        for name in ("random_brightness", "random_contrast", "random_gaussian_noise")
    },
}
example = EXAMPLES["multiclass"]
TASK = (example.task, Kind([*OBJECT.bad, Model]))
MODEL = (Model(example.task, {}, {}), Kind([*OBJECT.bad, example.task]))
BINARY = (Model(EXAMPLES["binary"].task, {}, {}), Kind([*OBJECT.bad, MODEL[0]]))
CHANGE = (augment.per_image(augment.random_flip()), FUNCTION)
SHARES = array(1, more=[[0.5, 0.5, 0], [1.0], [0.5, np.nan], [-1, 2]])
TRANSFORMS: dict[str, Call] = {
    "augmented": call(transforms.augmented, task=TASK, change=CHANGE),
    "crop_to_longest": call(
        transforms.crop_to_longest,
        task=TASK,
        lengths=((2, 4), COUNTS.also((4, 2), (2, 2), (0, 1))),
        keys=(("tokens",), TEXTS.also(())),
        axis=(1, COUNT),
    ),
    "ensemble": call(transforms.ensemble, task=TASK, members=(3, COUNT)),
    "initialized_from": call(
        transforms.initialized_from,
        task=TASK,
        params=(
            {"encoder": np.zeros(2)},
            Kind([*(x for x in OBJECT.bad[:-7] if not isinstance(x, dict)), {1: 2}, int, Model]),
        ),
    ),
    "mean_of_models": call(
        transforms.mean_of_models,
        models=([MODEL[0]], Kind([*OBJECT.bad, [], [None], [example.task], MODEL[0]])),
    ),
    "mixup": call(transforms.mixup, task=TASK, change=CHANGE),
    "rebalanced": call(
        transforms.rebalanced,
        task=TASK,
        shares=(np.array([0.5, 0.25, 0.25]), SHARES),
        tau=(1.0, AT_LEAST_0),
    ),
    "shift_averaged": call(
        transforms.shift_averaged, task=TASK, pixels=(1, COUNT), diagonals=(False, FLAG)
    ),
    "test_time_augmentation": call(
        transforms.test_time_augmentation,
        task=TASK,
        changes=([lambda image: image], Kind([*OBJECT.bad, [], [None], [1], ["flip"]])),
    ),
    "with_threshold": call(transforms.with_threshold, model=BINARY, threshold=(0.25, INSIDE)),
}
CALLS: dict[str, Call] = {
    **{f"data.augment.{name}": line for name, line in AUGMENT.items()},
    **{f"transforms.{name}": line for name, line in TRANSFORMS.items()},
}
