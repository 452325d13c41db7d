"""The data sets of the catalogue as noise: their classes, shapes and splits, and few rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jaxmed.data import catalogue, source
from jaxmed.data.datasets.entry import Entry
from jaxmed.data.readers import tfds

WORDS = (
    *("the", "drug", "caused", "a", "rash", "and", "fever"),
    *("in", "two", "patients", "treated", "after", "surgery"),
)
IMAGES, TEXTS, SEGMENTED, CENSORED = 40, 60, 6, 300


def columns(name: str, split: str) -> dict[str, np.ndarray]:
    """Images of noise, or short texts of made-up words in documents of one to five."""
    facts = catalogue.entry(name)
    if facts.task == "segmentation":
        return segmented(facts, len(split))
    if facts.task == "survival":
        return survival(facts, len(split))
    if name == "physionet2012":
        return stays(facts, len(split))
    if facts.key == "signal":
        return beats(facts, len(split))
    random = np.random.default_rng(len(split))
    rows = IMAGES if facts.shape else TEXTS
    label = (np.arange(rows) % len(facts.classes)).astype(np.int32)
    if facts.shape:
        return {"image": random.integers(0, 256, (rows, *facts.shape), np.uint8), "label": label}
    texts = [" ".join(random.choice(WORDS, random.integers(2, 9))) for _ in label]
    texts[0] = "the drug caused a rash"  # the same in every split
    group = {"group": np.repeat(np.arange(20), np.arange(20) % 5 + 1)} if facts.grouped else {}
    return {"text": np.array(texts, object), "label": label, **group}


def beats(facts: Entry, seed: int) -> dict[str, np.ndarray]:
    """Noise as signals of four patients, with numbers beside them where there are names."""
    random = np.random.default_rng(seed)
    found = {
        "signal": random.normal(size=(IMAGES, *facts.shape)).astype(np.float32),
        "label": (np.arange(IMAGES) % len(facts.classes)).astype(np.int32),
    }
    if facts.feature_names:
        width = len(facts.feature_names)
        found["features"] = random.uniform(0.5, 1.5, (IMAGES, width)).astype(np.float32)
    return found | ({"group": np.arange(IMAGES) // 10} if facts.grouped else {})


def segmented(facts: Entry, seed: int) -> dict[str, np.ndarray]:
    """Noise with one bright box per class, at another place in each image."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 60, (SEGMENTED, *facts.shape)).astype(facts.dtype)
    label = np.zeros((SEGMENTED, *facts.shape[:-1]), np.int8)
    for row in range(SEGMENTED):
        for number in range(1, len(facts.classes)):
            start = random.integers(0, [side // 2 for side in label.shape[1:]])
            box = (row, *(slice(first, first + 12) for first in start))
            image[box] += 100
            label[box] = number
    return {
        "image": image,
        "label": label,
        "instance": label.astype(np.int32),
        "spacing": np.ones((SEGMENTED, label.ndim - 1), np.float32),
        **dict.fromkeys(("group", "fold", "tuberculosis"), np.arange(SEGMENTED)),
    }


def survival(facts: Entry, seed: int) -> dict[str, np.ndarray]:
    """Times that fall with the first column, of which a third is missing where some may be."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(CENSORED, len(facts.feature_names))).astype(np.float32)
    last = random.uniform(0, 3000, CENSORED)
    event_time = random.exponential(1000 * np.exp(-features[:, 0]))
    cause = np.where(event_time <= last, 1 + np.arange(CENSORED) % 3, 0)
    if facts.missing:
        features[::3, 1] = np.nan
    return {
        "features": features,
        "time": np.minimum(event_time, last).astype(np.float32),
        "event": (cause > 0).astype(np.int32),
        "cause": cause.astype(np.int32),
    }


def stays(facts: Entry, seed: int) -> dict[str, np.ndarray]:
    """Stays of up to 90 events, the last one of none, whose first variable tells the label."""
    random = np.random.default_rng(seed)
    label = (np.arange(TEXTS) % 2).astype(np.int32)
    count = random.integers(40, 90, TEXTS)
    count[-1] = 0
    real = np.arange(facts.shape[0])[None] < count[:, None]
    number = np.where(real, random.integers(1, 38, real.shape), 0)
    time = np.where(real, random.uniform(0, 48, real.shape), 99)
    time = np.where(real, np.sort(time), 0)
    value = np.where(real, random.uniform(1, 9, real.shape) + 9 * label[:, None] * (number == 1), 0)
    descriptors = random.uniform(20, 90, (TEXTS, 5))
    descriptors[:, 3] = 1 + np.arange(TEXTS) % 4
    descriptors[::3, 2] = np.nan
    return {
        "event_variable": number.astype(np.int32),
        "event_time": time.astype(np.float32),
        "event_value": value.astype(np.float32),
        "event_count": count.astype(np.int32),
        "descriptors": descriptors.astype(np.float32),
        "baseline_saps_1": random.integers(-1, 30, TEXTS).astype(np.int32),
        "label": label,
    }


def load(name: str, **places: object) -> catalogue.Splits:
    """What stands in for `catalogue.load`."""
    facts = catalogue.entry(name)
    return catalogue.Splits(
        *(
            source.from_arrays(columns(name, split), classes=facts.classes)
            if split in facts.sizes
            else None
            for split in catalogue.Splits._fields
        )
    )


def prepare(name: str, data_dir: Path) -> None:
    """Writes them where tfds keeps prepared data, for a process of its own to find them."""
    builder = catalogue._builder(catalogue.entry(name), data_dir)
    splits = catalogue.entry(name).sizes
    features = set(builder.info.features)

    def rows(split):
        found = columns(name, split)
        for row in range(len(next(iter(found.values())))):
            example = {key: column[row] for key, column in found.items()} | {"id": row}
            yield row, {key: value for key, value in example.items() if key in features}

    builder._split_generators = lambda downloads: {split: rows(split) for split in splits}
    tfds.prepare_builder(builder)
