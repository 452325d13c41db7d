"""Tests of attributions, counterparts of predictions, and figures of both."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    ARRAY,
    COUNT,
    FLAG,
    FRACTION,
    OBJECT,
    TEXTS,
    Kind,
    array,
)
from bad_calls.of_results import EXAMPLE, closed

from jaxmed import explain, plots

ROWS = len(next(iter(EXAMPLE.columns.values())))
random = np.random.default_rng(0)
MAPS = random.normal(size=(ROWS, 6))
maps = Kind([*(x for x in OBJECT.bad if not isinstance(x, dict)), {}, {"a": MAPS}])
# Unlike names of columns, words may be there twice.
WORDS = Kind([x for x in TEXTS.bad if not (isinstance(x, list) and x[:2] == ["a", "a"])])


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
}
CALLS: dict[str, Call] = {
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
    **FIGURES,
}
