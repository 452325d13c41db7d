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
IMAGES, TEXTS, SEGMENTED = 40, 60, 6


def columns(name: str, split: str) -> dict[str, np.ndarray]:
    """Images of noise, or short texts of made-up words in documents of one to five."""
    facts = catalogue.entry(name)
    if facts.task == "segmentation":
        return segmented(facts, len(split))
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
        for row in range(len(found["label"])):
            example = {key: column[row] for key, column in found.items()} | {"id": row}
            yield row, {key: value for key, value in example.items() if key in features}

    builder._split_generators = lambda downloads: {split: rows(split) for split in splits}
    tfds.prepare_builder(builder)
