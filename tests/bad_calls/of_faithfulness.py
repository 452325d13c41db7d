"""Tests of attributions, counterparts of predictions, and figures of both."""

from __future__ import annotations

import jax
import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    ARRAY,
    COUNT,
    COUNTS,
    FLAG,
    FRACTION,
    FUNCTION,
    OBJECT,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    array,
    word,
)
from bad_calls.of_results import DATA, EXAMPLE, MODEL, closed

from jaxmed import explain, plots
from jaxmed.tasks import Model

ROWS = len(next(iter(EXAMPLE.columns.values())))
model = MODEL[0]
random = np.random.default_rng(0)
MAPS = random.normal(size=(ROWS, 6))
key = (jax.random.key(0), Kind([x for x in OBJECT.bad if not isinstance(x, jax.Array)]))
optional_text = Kind([x for x in TEXT.bad if x is not None])
score = Kind([x for x in FUNCTION.bad if x is not None])
asked = {
    "model": MODEL,
    "data": DATA,
    "target": (0, Kind([x for x in OBJECT.bad if x is not None and not isinstance(x, int)])),
    "layer": ("inputs", optional_text.also("x")),
    "score": (model.task.judge.scores, score),
    "batch_size": (64, COUNT),
}
maps = Kind([*(x for x in OBJECT.bad if not isinstance(x, dict)), {}, {"a": MAPS}])
checkpoints = Kind([*(x for x in OBJECT.bad), [], (), [Model], [1]])


# One of these, a number or an array: the words and shapes that are none of them.
BASELINE = Kind(
    [
        *(x for x in word("blur").bad if not isinstance(x, int | float) or isinstance(x, bool)),
        "noise",
        np.zeros(3),
        float("nan"),
    ]
)
RATES = [x for x in OBJECT.bad if not (isinstance(x, list) and x)]
# Unlike names of columns, words may be there twice.
WORDS = Kind([x for x in TEXTS.bad if not (isinstance(x, list) and x[:2] == ["a", "a"])])


def method(model, data, **options):
    del model, data, options
    return MAPS


FIGURES: dict[str, Call] = {
    "plots.attribution_overlay": call(
        closed(plots.attribution_overlay),
        images=(np.zeros((2, 4, 4, 1)), array(4, more=[np.zeros((2, 4, 4, 2))])),
        maps=(np.zeros((2, 4, 4)), array(3, more=[np.zeros((2, 4, 5))])),
        titles=(["a", "b"], WORDS.also(["a"])),
        top=(0.5, FRACTION.also(0, 1)),
        columns=(2, COUNT),
    ),
    "plots.attribution_bars": call(
        closed(plots.attribution_bars),
        attributions=([0.5, -1.0], array(1, more=[[0.5, np.nan], [1.0]])),
        names=(["a", "b"], WORDS.also(["a"])),
        values=(["1", "2"], WORDS.also(["1"])),
        most=(2, COUNT),
    ),
    "plots.attribution_text": call(
        closed(plots.attribution_text),
        words=(["a", "b"], WORDS.also(["a"])),
        attributions=([0.5, -1.0], array(1, more=[[0.5, np.nan], [1.0]])),
    ),
    "plots.attribution_trace": call(
        closed(plots.attribution_trace),
        signal=(np.eye(4)[:, :2], array(2, more=[np.ones((1, 2)), np.eye(4) * np.nan])),
        attributions=(np.eye(4)[:, :2], array(2, more=[np.ones((3, 2)), np.eye(4) * np.nan])),
        rate=(100.0, POSITIVE),
        leads=(["II", "V1"], WORDS.also(["II"])),
        unit=("mV", TEXT),
    ),
}
CALLS: dict[str, Call] = {
    "explain.completeness_error": call(
        explain.completeness_error,
        attributions=(MAPS, Kind([*ARRAY.bad, MAPS * np.nan, MAPS[:3]])),
        differences=(MAPS.sum(1), array(1, more=[np.zeros(ROWS), MAPS[:3, 0]])),
    ),
    "explain.deletion_insertion": call(
        explain.deletion_insertion,
        {"data": "data|features"},
        **asked,
        attributions=(MAPS, Kind([*ARRAY.bad, MAPS * np.nan, MAPS[:3], MAPS[:, :3]])),
        steps=(2, COUNT),
        baseline=("zeros", BASELINE),
    ),
    "explain.random_attribution": call(
        explain.random_attribution, shape=((2, 3), COUNTS.also((), (10**6, 10**6))), key=key
    ),
    "explain.rank_correlation": call(
        explain.rank_correlation,
        first=(MAPS, Kind([*ARRAY.bad, MAPS * np.nan, MAPS[:3]])),
        second=(MAPS, Kind([*ARRAY.bad, MAPS * np.nan, MAPS[:3]])),
    ),
    "explain.agreement": call(
        explain.agreement,
        maps=({"a": MAPS, "b": MAPS}, maps),
        top=(0.5, FRACTION.also(0)),
        absolute=(True, FLAG),
    ),
    "explain.parameter_randomization": call(
        explain.parameter_randomization,
        {"data": "data|features"},
        method=(method, FUNCTION),
        **asked,
        key=key,
        cascade=(False, FLAG),
    ),
    "explain.faithfulness_table": call(
        explain.faithfulness_table,
        {"data": "data|features"},
        methods=({"method": method}, Kind([*maps.bad, {"a": None}, {1: method}])),
        **{name: asked[name] for name in asked if name != "score"},
        key=key,
        baseline=("zeros", BASELINE),
    ),
    "explain.nearest_cases": call(
        explain.nearest_cases,
        {"data": "data|features", "train": "train|features"},
        model=MODEL,
        data=DATA,
        train=DATA,
        layer=("hidden1", TEXT.also("x")),
        count=(2, COUNT.also(ROWS + 1)),
        metric=("cosine", word("cosine", "euclidean")),
        reading=("flat", word("flat", "mean")),
        batch_size=(64, COUNT),
    ),
    "explain.influence": call(
        explain.influence,
        {"data": "data|features", "train": "train|features"},
        checkpoints=([model], checkpoints),
        learning_rates=([0.1], Kind([*RATES, [], [0], [-1.0], [0.1, 0.1], ["a"], [None]])),
        data=DATA,
        train=DATA,
        parameters=(("Dense_1",), TEXTS.also(["x"], []).optional()),
        key=(key[0], key[1].optional()),
        batch_size=(16, COUNT),
    ),
    **FIGURES,
}
