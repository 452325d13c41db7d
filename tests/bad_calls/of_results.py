"""Evaluation, figures, baselines and searches: what is done with predictions."""

from __future__ import annotations

import atexit
import shutil
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import optax
from bad_calls.call import Call, call
from bad_calls.kinds import (
    ARRAY,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    COUNTS,
    FLAG,
    FRACTION,
    FUNCTION,
    INSIDE,
    NUMBER,
    OBJECT,
    PATH,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    array,
)
from bad_calls.of_numbers import CLASSES, P3, VALUES
from contracts.examples import EXAMPLES, begun

from jaxmed import evaluation, metrics, plots, search
from jaxmed.baselines import feature_ridge, pixel_svm, probes, ridge, tfidf
from jaxmed.data import inputs
from jaxmed.evaluation import anomaly, operating_points
from jaxmed.tasks import Model

EXAMPLE = EXAMPLES["regression"]
FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
STATE = begun("regression")
MODEL = (
    Model(EXAMPLE.task, STATE.params, STATE.model_state),
    Kind([*OBJECT.bad, EXAMPLE.task, Model]),
)
_columns = dict(EXAMPLE.columns)
DATA = (_columns, COLUMNS.also({}, {"features": np.zeros((0, 6))}, {"label": np.zeros(3)}))
PLACEMENT = (None, Kind([value for value in OBJECT.bad if value is not None]))


def _axes(value):
    try:
        return np.ndim(value)
    except ValueError:  # lists of unequal lengths
        return -1


running = {
    "model": MODEL,
    "data": DATA,
    "batch_size": (64, COUNT),
    "placement": PLACEMENT,
    "workers": (0, COUNT_FROM_0),
}
label = (CLASSES, array(1, more=[[0, 1], [0, 1, 2, 3], [0.5, 1, 1, 0], [-1, 0, 0, 0]]))
several = (CLASSES, Kind([x for x in label[1].bad if _axes(x) != 2], label[1].same))
probabilities = (P3, array(2, more=[P3 * 3, P3 - 1, P3 * np.nan, P3[:2], P3[:, :1]]))
names = (["a", "b", "c"], TEXTS.also(["a"], []).optional())
values = (VALUES, array(1, more=[[0.5, np.nan, 0, 1], [1, 2]]))
intervals = Kind([*(x for x in OBJECT.bad if not isinstance(x, dict)), {"a": 1}, {"a": None}])
latents = np.array([[0.0, 1], [1, 0], [2, 3], [0.5, 0.5]])
LATENTS = (latents, array(2, more=[latents * np.nan]))
outputs = Kind([*(x for x in OBJECT.bad if not isinstance(x, dict)), {}, {"a": np.zeros(2)}])
settings = {"rate": np.array([0.1, 0.2])}
SETTINGS = Kind([*outputs.bad[:-2], {}, {"a": 1.0}, {"a": ["x"]}, {"a": [1, 2], "b": [1]}])

pictures = np.linspace(0, 1, 32).reshape(2, 4, 4, 1)
PENALTIES = Kind([*(x for x in OBJECT.bad if not isinstance(x, list)), (), (-1.0,), (0.0,), ("a",)])
outlined = np.zeros((2, 4, 4), int)
outlined[:, 1:3, 2] = 1
outlines = array(3, more=[outlined[:1], outlined + 0.5, outlined - 2, outlined + 200])
# Unlike names of columns, words may be there twice.
TITLES = Kind([x for x in TEXTS.bad if not (isinstance(x, list) and x[:2] == ["a", "a"])])


def recipe(settings):
    return EXAMPLE.task, optax.sgd(settings["rate"])


def closed(function):
    """The function without its result, an open figure."""

    def draw(**arguments) -> None:
        try:
            function(**arguments)
        finally:
            plt.close("all")

    return draw


FIGURES: dict[str, Call] = {
    "confusion_matrix": call(
        closed(plots.confusion_matrix),
        label=label,
        probabilities=probabilities,
        class_names=names,
    ),
    "roc_curves": call(
        closed(plots.roc_curves), label=several, probabilities=probabilities, class_names=names
    ),
    "precision_recall_curves": call(
        closed(plots.precision_recall_curves),
        label=several,
        probabilities=probabilities,
        class_names=names,
    ),
    "reliability_diagram": call(
        closed(plots.reliability_diagram),
        label=several,
        probabilities=probabilities,
        class_names=names,
        bins=(4, COUNT),
        before=(P3, probabilities[1].optional()),
    ),
    "image_grid": call(
        closed(plots.image_grid),
        {"rows": "rows|a"},
        rows=({"a": np.zeros((2, 3, 3, 1))}, Kind([*outputs.bad, {"a": np.zeros((2, 3))}])),
        columns=(2, COUNT),
    ),
    "learning_curve": call(
        closed(plots.learning_curve),
        sizes=((10, 20), COUNTS.also((0, 1), (1, 2, 3))),
        scores=({"a": np.ones((2, 2))}, Kind([*outputs.bad, {"a": np.ones((2, 3))}])),
        metric=("AUROC", TEXT),
    ),
    "regression_scatter": call(
        closed(plots.regression_scatter),
        label=values,
        value=values,
        unit=("mm", Kind([x for x in TEXT.bad if not isinstance(x, str)])),
    ),
    "score_dots": call(
        closed(plots.score_dots),
        scores=(
            {"a": [0.5, np.nan, 0.75]},
            Kind(
                [
                    *outputs.bad[:-1],
                    {"a": 1},
                    {"a": [np.nan]},
                    {"a": [np.inf, 1]},
                    {"a": np.zeros((2, 2))},
                ]
            ),
        ),
        metric=("Dice", TEXT),
        unit=("mm", Kind([x for x in TEXT.bad if not isinstance(x, str)])),
    ),
    "segmentation_overlay": call(
        closed(plots.segmentation_overlay),
        {"truth": "truth|class_names"},
        images=(
            pictures,
            Kind([*array(4).bad, pictures[..., [0, 0]], pictures[:, :1], pictures[:1]]),
        ),
        truth=(outlined, outlines),
        prediction=(outlined, outlines.also(outlined - 1)),
        titles=(("best", "worst"), TITLES.also(["a"])),
        class_names=(("background", "anterior"), TITLES.also(["a"]).optional()),
        background=(0, COUNT_FROM_0.optional()),
        spacing=(np.ones((2, 2)), array(2, more=[np.ones((2, 3)), np.zeros((2, 2))]).optional()),
    ),
    "sweep_scatter": call(
        closed(plots.sweep_scatter),
        {"scores": "scores|best"},
        settings=(settings, SETTINGS),
        scores=(np.array([[0.5, 0.75]]), array(2)),
        best=(1, COUNT_FROM_0.also(2)),
        logarithmic=(("rate",), TEXTS),
        metric=("AUROC", TEXT),
    ),
    "training_curve": call(
        closed(plots.training_curve),
        history=(
            [{"epoch": 1, "train/loss": 0.5, "validation/auroc": 0.75}],
            Kind([*OBJECT.bad, [], [1], [{}], [{"train/loss": 1.0}]]),
        ),
        metrics=(("validation/auroc",), TEXTS.also(["validation/auc"]).optional()),
        best_epoch=(1.0, NUMBER.also(-1).optional()),
    ),
    "volume_agreement": call(
        closed(plots.volume_agreement),
        volumes=(
            {"a": ([1.0, 2.0], [1.5, 2.0])},
            Kind(
                [*outputs.bad, {"a": 1}, {"a": [1, 2]}, {"a": ([1.0], [1.0, 2.0])}, {"a": ([], [])}]
            ),
        ),
        unit=("ml", Kind([x for x in TEXT.bad if not isinstance(x, str)])),
    ),
}
CALLS: dict[str, Call] = {
    "evaluation.predict": call(evaluation.predict, {"data": "data|features"}, **running),
    "evaluation.losses": call(evaluation.losses, {"data": "data|features"}, **running),
    "evaluation.compute_metrics": call(
        evaluation.compute_metrics,
        {"data": "data|features"},
        **running,
        loss_batch_size=(32, COUNT.optional()),
    ),
    "evaluation.evaluate": call(
        evaluation.evaluate,
        {"data": "data|features"},
        **running,
        resamples=(2, COUNT),
        level=(0.9, INSIDE),
        seed=(0, COUNT_FROM_0),
    ),
    "evaluation.metrics_table": call(
        evaluation.metrics_table,
        metrics=({"a": metrics.Interval(0.5, 0.25, 0.75)}, intervals),
        title=("Test", TEXT),
    ),
    "evaluation.write_predictions": call(
        evaluation.write_predictions,
        path=(f"{FOLDER}/predictions.csv", PATH),
        table=({"a": VALUES}, COLUMNS.also({"a": np.zeros((2, 2, 2))})),
        names=({}, Kind([x for x in outputs.bad if x is not None and not isinstance(x, dict)])),
    ),
    "evaluation.anomaly.mahalanobis": call(
        anomaly.mahalanobis,
        training=(latents, LATENTS[1].also(latents[:1])),
        shrinkage=(0.5, FRACTION),
    ),
    "evaluation.anomaly.nearest_neighbors": call(
        anomaly.nearest_neighbors, training=LATENTS, neighbors=(2, COUNT.also(5))
    ),
    "evaluation.anomaly.latent_distance": call(
        anomaly.latent_distance, distance=(np.sum, FUNCTION), name=("latent", TEXT)
    ),
    **{
        f"evaluation.anomaly.{name}": call(
            getattr(anomaly, name), outputs=({column: VALUES}, outputs)
        )
        for name, column in {
            "reconstruction_error": "error",
            "negative_elbo": "elbo",
            "negative_normality": "normality",
        }.items()
    },
    "evaluation.operating_points.threshold_of_highest_f1": call(
        operating_points.threshold_of_highest_f1,
        label=([0, 1, 1, 0], array(1, more=[[0, 0, 0, 0], [0, 1, 2, 1], [0, 1]])),
        probability=([0.5, 0.25, 0.75, 0], values[1]),
    ),
    **{f"plots.{name}": line for name, line in FIGURES.items()},
    **{
        f"baselines.probes.{name}": call(
            getattr(probes, name),
            features=LATENTS,
            label=([0, 1, 1, 0], array(1, more=[[0, 0, 0, 0], [0, 2, 2, 0], [0, 0.5, 1, 1]])),
            C=(1.0, POSITIVE),
            max_iterations=(50, COUNT),
        )
        for name in ("linear_probe", "linear_head")
    },
    "baselines.probes.nearest_neighbor_probe": call(
        probes.nearest_neighbor_probe,
        features=LATENTS,
        label=([0, 1, 1, 0], array(1, more=[[0, 0, 0, 0], [0, 2, 2, 0], [0, 0.5, 1, 1]])),
        neighbors=(2, COUNT.also(5)),
        temperature=(
            0.5,
            Kind([x for x in POSITIVE.bad if not (isinstance(x, float) and x == np.inf)]),
        ),
    ),
    "baselines.ridge.ridge_head": call(
        ridge.ridge_head,
        features=LATENTS,
        label=([0, 1, 1, 0], array(1, more=[[0, 0, 0, 0], [0, 2, 2, 0], [0, 0.5, 1, 1]])),
        penalties=((0.1, 10.0), PENALTIES),
    ),
    "baselines.feature_ridge.fit_feature_ridge": call(
        feature_ridge.fit_feature_ridge,
        inputs=(inputs.features(), OBJECT),
        train=({"features": latents, "label": np.array([0, 1, 1, 0])}, COLUMNS),
        classes=(("a", "b"), Kind([*TEXTS.bad, ("a",), ("a", "b", "c")])),
        penalties=((0.1, 10.0), PENALTIES),
    ),
    "baselines.tfidf.fit_tfidf": call(
        tfidf.fit_tfidf,
        texts=(["ab cd", "ab ef", "cd ab", "ef cd"], Kind([*OBJECT.bad, ["a"], [1, 2, 3, 4]])),
        label=([0, 1, 1, 0], array(1, more=[[0, 0, 0, 0], [0, 1]])),
        word_ngrams=((1, 2), COUNTS.also((1,), (2, 1), (1, 2, 3))),
        character_ngrams=((2, 3), COUNTS.also((1,), (2, 1), (1, 2, 3))),
        C=(1.0, POSITIVE),
        balanced=(False, FLAG),
    ),
    "baselines.pixel_svm.fit_svm": call(
        pixel_svm.fit_svm,
        {"images": "images|label"},
        images=(np.arange(16).reshape(4, 2, 2).astype(np.uint8), Kind(ARRAY.bad, ARRAY.same)),
        label=([0, 1, 1, 0], array(1, more=[[0, 0, 0, 0], [0, 1]])),
        C=(1.0, POSITIVE),
    ),
    "search.uniform": call(search.uniform, low=(0.0, NUMBER.also(5)), high=(1.0, NUMBER.also(-1))),
    "search.log_uniform": call(
        search.log_uniform, low=(0.5, POSITIVE.also(5)), high=(1.0, NUMBER.also(-1))
    ),
    "search.random_settings": call(
        search.random_settings,
        draws=({"rate": search.uniform(0, 1)}, Kind([*OBJECT.bad, {"a": None}])),
        count=(2, COUNT),
        seed=(0, COUNT_FROM_0),
    ),
    "search.optuna_search": call(
        search.optuna_search,
        score=(lambda trial: 0.5, FUNCTION),
        trials=(1, COUNT),
        seed=(0, COUNT_FROM_0),
    ),
    "search.vmap_sweep": call(
        search.vmap_sweep, recipe=(recipe, FUNCTION), settings=(settings, SETTINGS)
    ),
    "search.halving_table": call(
        search.halving_table,
        found=(
            search.Halving(settings, np.array([[0.5, 0.75]]), (1,), 1, MODEL[0]),
            OBJECT,
        ),
        rows=(1, COUNT.optional()),
    ),
}
