"""Folders of runs for the tests of the page, and the page as a strict reader of HTML sees it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxmed import report
from jaxmed.tasks import Model, Task, class_judges

HOSTILE = ("benign", "<script>alert('x')</script>")
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == [], "a tag is not closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def answering(names=HOSTILE) -> Model:
    """A model that answers what stands in its column `p`."""
    judge = class_judges.of_classes(names)

    def never(*arguments):
        raise AssertionError("nothing is trained here")

    def predict(params, state, batch):
        p = batch["p"]
        probabilities = jnp.stack([1 - p, p], axis=1) if p.ndim == 1 else p
        return {"probabilities": probabilities, "doubt": 1 - probabilities.max(axis=1)}

    return Model(Task(never, never, predict, judge=judge), {}, {})


def split(seed: int, rows: int = 200, **more) -> dict[str, np.ndarray]:
    """Rows of two classes whose probabilities are sharper than they should be."""
    random = np.random.default_rng(seed)
    p = random.random(rows)
    label = (random.random(rows) < p).astype(np.int32)
    odds = 2 * np.log(p / (1 - p))
    return {"p": (1 / (1 + np.exp(-odds))).astype(np.float32), "label": label, **more}


def images(seed: int, rows: int = 200) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (rows, 6, 5, 1), np.uint8)
    sex = np.where(random.random(rows) < 0.5, "<i>female", "male")
    return split(seed, rows, image=pixels, sex=sex, group=np.arange(rows) // 2)


def attribution(model, rows):
    return rows["image"].astype(float)[..., 0] - 128


PURPOSE = report.Purpose(intended_use="For <b>tests</b> & nothing else.")
FACTS = report.DataFacts(
    "Made-up & <em>hostile</em>",
    license="CC0 <1.0>",
    citation="Nobody, 1970",
    checksums={"a": "md5:0"},
)


def assessed(directory: Path, **changes) -> Path:
    """A run with an assessment of hostile words."""
    given = {
        "validation": images(0),
        "test": images(1),
        "purpose": PURPOSE,
        "data": FACTS,
        "subgroups": ("sex",),
        "uncertainty": ("doubt",),
        "attribution": attribution,
        "faithfulness": {"a <method>": {"insertion": 0.5}, "random": {"insertion": 0.1}},
        "resamples": 20,
        "mistakes": 2,
        "trained_on": 1000,
    }
    report.assess(answering(), directory, **given | changes)
    return directory
