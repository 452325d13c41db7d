"""Which packages the tables cover, and the few public names that need no line in them."""

from __future__ import annotations

PACKAGES = (
    "data",
    "losses",
    "metrics",
    "metrics.streaming",
    "models",
    "models.layers",
    "data.augment",
    "tasks",
    "transforms",
    "evaluation",
    "search",
    "plots",
    "training",
    "deploy",
    "explain",
    "report",
)

_VALUE = "a value that functions return or take: built by them, and not from a user's settings"
_INSIDE = "called inside of a network, on arrays that are traced"
_LOOP = "for a loop of one's own; `fit` checks the same arguments"
_NO_ATTRIBUTES = "a module without attributes"

EXEMPT: dict[str, str] = {
    "data.Arrays": "what `from_arrays` gives, which checks",
    "data.Source": "a protocol",
    "data.Splits": _VALUE,
    "data.take_rows": "rows as NumPy takes them",
    "deploy.Card": _VALUE,
    "deploy.Loaded": "what `load` gives",
    "deploy.answers_of_texts": "needs a model of texts: see tests/deploy/test_answers.py",
    "evaluation.Evaluation": _VALUE,
    "explain.Agreement": _VALUE,
    "explain.Completeness": _VALUE,
    "explain.NearestCases": _VALUE,
    "explain.Randomization": _VALUE,
    "explain.RemovalCurves": _VALUE,
    "metrics.DeLongTest": _VALUE,
    "metrics.Interval": _VALUE,
    "metrics.streaming.Metric": "a record of three functions that `jit` calls",
    "models.AttentionPooling": _NO_ATTRIBUTES,
    "models.Network": "a protocol",
    "models.capture": _INSIDE,
    "models.intermediates": "its arrays go to the network, which refuses them",
    "models.layers.Bias": _NO_ATTRIBUTES,
    "models.layers.global_mean_pool": _INSIDE,
    "models.layers.last_state": _INSIDE,
    "models.layers.max_over_time": _INSIDE,
    "models.layers.max_pool": _INSIDE,
    "models.layers.mean_over_time": _INSIDE,
    "models.layers.overlapping_max_pool": _INSIDE,
    "search.Halving": _VALUE,
    "search.successive_halving": "calls `fit` and `predict`, whose arguments they check",
    "training.CrossValidation": _VALUE,
    "training.Fit": _VALUE,
    "training.TrainState": _VALUE,
    "training.ema_params": "reads what `fit` made",
    "training.init_state": _LOOP,
    "training.make_train_step": _LOOP,
    "training.rounds": _LOOP,
    "tasks.Classes": "a record of functions",
    "tasks.Judge": "a record of functions with defaults",
    "tasks.Model": _VALUE,
    "tasks.Values": "a record of functions",
}
