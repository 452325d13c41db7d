"""Raw tables and recipes: refused before anything is trained or written."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call, ending_early
from bad_calls.kinds import (
    COUNT,
    COUNT_FROM_0,
    FUNCTION,
    OBJECT,
    PATH,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    array,
    word,
)
from bad_calls.of_data import FOLDER, IMAGES, OPENED, SEPARATOR
from bad_calls.of_runs import FOLDER as RUNS
from bad_calls.of_runs import FUNCTIONS

from jaxmed import recipes
from jaxmed.data import tables
from jaxmed.data.tables.inputs import encoded


def _table(name: str, columns: str, line: str) -> str:
    """60 rows, in each the number of the row in place of #."""
    path = FOLDER / name
    lines = [line.replace("#", str(number)).replace("@", "ny"[number % 2]) for number in range(60)]
    path.write_text("\n".join([columns, *lines, ""]))
    return str(path)


SOUND = _table("sound.csv", "who,ill,age,seen,sex", "p#,@,#.5,2020-01-02,f")
BARE = _table("bare.csv", "who,ill,seen", "p#,@,2020-01-02")
RAW = tables.read_table(SOUND)
SCHEMA = tables.schema_of(RAW, leave_out=["who", "ill"])
NO_COLUMN = "has no column to learn from"
TOO_FEW = "need at least"
NAMED = TEXT.also("nothing", "Age")
ONE = NAMED.optional()
LEFT_OUT = TEXTS.also(["nothing"])
OTHER_SEPARATOR = Kind(
    [
        x
        for x in SEPARATOR[1].bad
        if (not isinstance(x, str) and x is not None) or (isinstance(x, str) and x != " ")
    ]
)
SAY = FUNCTION.also("print")
SETTINGS = OBJECT.optional()
OPTIONS = {
    "label": ("ill", NAMED),
    "directory": (FOLDER / "a_run", PATH.optional().also(FOLDER)),
    "positive": ("y", TEXT.optional().also("x")),
    "patient": ("who", ONE),
    "leave_out": ((), LEFT_OUT),
    "since": ("seen", ONE),
    "question": ("classes", word("classes", "number").optional()),
    "separator": (",", OTHER_SEPARATOR),
    "settings": (None, SETTINGS),
}
IMAGE_OPTIONS = {
    "directory": (FOLDER / "a_run", PATH.optional().also(FOLDER)),
    "positive": ("yes", TEXT.optional().also("x")),
    "patient": ("^1", TEXT.optional().also("nothing", "(")),
    "settings": (None, SETTINGS),
}
WORDS = {"question": "question|label", "since": "since", "label": "label|positive|patient"}

CALLS: dict[str, Call] = {
    "data.tables.read_table": call(
        lambda **given: len(tables.read_table(**given)),
        path=(SOUND, OPENED),
        separator=(",", OTHER_SEPARATOR),
    ),
    "data.tables.schema_of": call(
        lambda **given: tables.schema_of(**given).encode(RAW),
        {"rows": "rows"},
        raw=(RAW, OBJECT),
        rows=([0, 1, 2, 3, 4, 5], Kind([x for x in array(1).bad if x is not None])),
        leave_out=(["who"], LEFT_OUT),
        since=("seen", ONE),
        quantiles=(4, COUNT),
        most_categories=(5, COUNT),
        say=(None, SAY.optional()),
    ),
    "data.tables.Column": call(
        lambda **given: tables.Column(**given).missing,
        name=("age", TEXT),
        kind=("number", word("number", "category", "date")),
        categories=((), TEXTS),
        cuts=((0.0, 1.0), Kind(["", "12", 1, None, (), (1,), (1, 1), (2, 1), (0, np.nan), ("a",)])),
        since=("", Kind([x for x in TEXT.bad if not isinstance(x, str)])),
        missing=(0, COUNT_FROM_0),
    ),
    "data.tables.Schema": call(
        lambda columns: len(tables.Schema(columns).columns),
        columns=(SCHEMA.columns, Kind([*TEXTS.bad, (), (1,)])),
    ),
    "data.tables.inputs.encoded": call(
        lambda **given: encoded(**given) and None,
        schema=(SCHEMA, OBJECT),
        limit=(3.0, POSITIVE),
    ),
    "recipes.table_script": call(
        lambda **given: len(recipes.table_script(**given)), WORDS, path=(SOUND, OPENED), **OPTIONS
    ),
    "recipes.train_table": call(
        ending_early(recipes.train_table, NO_COLUMN),
        WORDS,
        path=(BARE, OPENED),
        loggers=((), FUNCTIONS),
        say=(lambda sentence: None, SAY),
        **OPTIONS,
    ),
    "recipes.image_script": call(
        ending_early(recipes.image_script, TOO_FEW), path=(IMAGES, OPENED), **IMAGE_OPTIONS
    ),
    "recipes.train_images": call(
        ending_early(recipes.train_images, TOO_FEW),
        path=(IMAGES, OPENED),
        loggers=((), FUNCTIONS),
        say=(lambda sentence: None, SAY),
        **IMAGE_OPTIONS,
    ),
    "recipes.evaluate_run": call(
        ending_early(recipes.evaluate_run, "does not say what it predicts"),
        {"run": "run|directory"},
        run=(f"{RUNS}/once", PATH.also(FOLDER / "nowhere")),
        data=(SOUND, OPENED),
        patient=(None, TEXT.optional()),
        say=(lambda sentence: None, SAY),
    ),
}
