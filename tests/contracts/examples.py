"""Small tasks, one of each kind, and the data to try them on."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from written_molecules import ATOM_SIZES, BOND_SIZES, drawn_graphs

from jaxmed import losses, tasks
from jaxmed.data import augment, inputs, records
from jaxmed.data.molecules import inputs as molecule_inputs
from jaxmed.data.records import inputs as record_inputs
from jaxmed.models import (
    DMPNN,
    GRUD,
    MLP,
    Autoencoder,
    ConvNet,
    ConvStages,
    DenseDecoder,
    EventSet,
    ImageDecoder,
    InceptionStages,
    MaskedAutoencoder,
    PooledClassifier,
    Projector,
    RecurrentEncoder,
    ResNet,
    ResNet1d,
    SentenceTagger,
    SignalClassifier,
    SummedLogits,
    TARNet,
    TextClassifier,
    TransformerEncoder,
    UNet,
    VariationalAutoencoder,
    ViT,
    WordPredictor,
    layers,
    minirocket,
)
from jaxmed.tasks import Task
from jaxmed.tasks.counts import negative_binomial_regression, poisson_regression
from jaxmed.tasks.reconstruction import gaussian_noise
from jaxmed.tasks.transformations import geometric_transformations
from jaxmed.training.step import TrainState, init_state
from jaxmed.transforms import augmented, crop_to_longest, mixup, packed_graphs, shift_averaged


@dataclasses.dataclass(frozen=True)
class Example:
    """A task and columns that suit it."""

    task: Task
    columns: Mapping[str, np.ndarray]


ROWS = 44
_random = np.random.default_rng(0)
_features = _random.normal(size=(ROWS, 6)).astype(np.float32)
_images = _random.integers(0, 256, (ROWS, 8, 8, 1), np.uint8)
_three = (np.arange(ROWS) % 3).astype(np.int32)
_two = (np.arange(ROWS) % 2).astype(np.int32)
_mlp = MLP(widths=(8,), outputs=3)
_pixels = inputs.pixels()
_columns = inputs.features()
_lengths = 1 + np.arange(ROWS) % 7
_tokens = np.where(
    np.arange(7)[None] < _lengths[:, None], _random.integers(1, 12, (ROWS, 7)), 0
).astype(np.int32)
_sentences = np.where(
    np.arange(3)[None, :, None] < (1 + np.arange(ROWS) % 3)[:, None, None], _tokens[:, None], 0
).astype(np.int32)
# A generator of its own, so that the other data stay as they are.
_other = np.random.default_rng(1)
_volumes = _other.integers(0, 256, (ROWS, 3, 4, 4, 1), np.uint8)
_counts = {
    "features": _features,
    "label": _other.poisson(2.0, ROWS).astype(np.int32),
    "exposure": _other.uniform(0.5, 2.0, ROWS).astype(np.float32),
}
_treated = {
    "features": _features,
    "label": (_features[:, 0] * 2 + 3).astype(np.float32),
    "treatment": (np.arange(ROWS) % 3 == 0).astype(np.int32),
}
_maps = _other.integers(0, 3, (ROWS, 8, 8)).astype(np.int8)
_maps[:, 5:, :3] = -1
_maps[7] = -1
_survival = {
    "features": _features,
    "time": _other.uniform(0.5, 5.0, ROWS).astype(np.float32),
    "event": (np.arange(ROWS) % 3 > 0).astype(np.int32),
}
_bin_value = _other.normal(size=(ROWS, 3, 2)).astype(np.float32)
_bin_value[_other.random(_bin_value.shape) < 0.4] = np.nan
_numbers = np.where(_tokens > 0, 1 + _tokens % 3, 0).astype(np.int32)
_records = {
    "bin_value": _bin_value,
    "bin_elapsed": _other.uniform(0, 8, _bin_value.shape).astype(np.float32),
    "event_variable": _numbers,
    "event_time": np.where(_numbers > 0, _other.uniform(0, 8, _numbers.shape), 0).astype("f4"),
    "event_value": np.where(_numbers > 0, _other.normal(size=_numbers.shape), 0).astype("f4"),
    "summary": _bin_value[:, 0],
    "label": _two,
}
_signals = _other.normal(size=(ROWS, 12, 2)).astype(np.float32)
_shift = augment.per_image(augment.random_shift(1))
_small_stages = ConvStages((4, 4), (1, 1))


EXAMPLES: dict[str, Example] = {
    "multiclass": Example(
        tasks.classification(_mlp, classes=3, inputs=_columns),
        {"features": _features, "label": _three},
    ),
    "dropout": Example(
        tasks.classification(MLP(widths=(8,), outputs=3, dropout=0.4), classes=3, inputs=_columns),
        {"features": _features, "label": _three},
    ),
    "binary": Example(
        tasks.binary_classification(MLP(widths=(8,), outputs=1), inputs=_columns),
        {"features": _features, "label": _two},
    ),
    "multilabel": Example(
        tasks.multilabel_classification(_mlp, inputs=_columns),
        {"features": _features, "label": _random.integers(0, 2, (ROWS, 3)).astype(np.int32)},
    ),
    "partly known labels": Example(
        tasks.multitask_classification(_mlp, targets=("a", "b", "c"), inputs=_columns),
        {"features": _features, "label": (_three[:, None] - [1, 0, 1]).clip(-1, 1).astype("i4")},
    ),
    "partly known measurements": Example(
        tasks.multitask_regression(_mlp, targets=("a", "b", "c"), inputs=_columns),
        {"features": _features, "label": np.where(_features[:, :3] > 1, np.nan, _features[:, 3:])},
    ),
    "molecules": Example(
        packed_graphs(
            tasks.regression(
                DMPNN(1, ATOM_SIZES, BOND_SIZES, width=4, hidden=3, dropout=0.2),
                inputs=molecule_inputs.graphs(features=_columns),
            ),
            (4, 6),
        ),
        {**drawn_graphs(ROWS), "features": _features, "label": _features[:, 0] * 2},
    ),
    "ordinal": Example(
        tasks.ordinal_classification(MLP(widths=(8,), outputs=2), classes=3, inputs=_columns),
        {"features": _features, "label": _three},
    ),
    "regression": Example(
        tasks.regression(MLP(widths=(8,), outputs=1, activation=jax.nn.gelu), inputs=_columns),
        {"features": _features, "label": _features[:, 0] * 2},
    ),
    "quantile regression": Example(
        tasks.quantile_regression(MLP(widths=(8,), outputs=3), inputs=_columns),
        {"features": _features, "label": _features[:, 0] * 2},
    ),
    "a counted prior": Example(
        tasks.classification(
            _mlp, classes=3, inputs=_columns, loss=losses.prior_adjusted(classes=3)
        ),
        {"features": _features, "label": np.minimum(_three, 1 + _two)},
    ),
    "survival": Example(
        tasks.discrete_time_survival(
            MLP(widths=(8,), outputs=3), inputs=_columns, times=(1.0, 2.0, 4.0)
        ),
        _survival,
    ),
    "bins of records": Example(
        tasks.binary_classification(
            SummedLogits((GRUD(1, units=4), MLP((), 1))),
            inputs=record_inputs.joint(
                record_inputs.bins(until=8.0), record_inputs.clipped("summary", measured=True)
            ),
        ),
        {name: _records[name] for name in ("bin_value", "bin_elapsed", "summary", "label")},
    ),
    "events": Example(
        tasks.binary_classification(
            EventSet(1, 3, 4, heads=2),
            inputs=record_inputs.event_lists_of(variables=3, until=8.0),
        ),
        {name: _records[name] for name in (*records.LISTS, "label")},
    ),
    "survival, smooth in time": Example(
        tasks.discrete_time_survival(
            MLP(widths=(8,), outputs=2), inputs=_columns, times=(1.0, 2.0, 4.0), degree=1
        ),
        _survival,
    ),
    "piecewise hazards": Example(
        tasks.piecewise_hazard(
            MLP(widths=(8,), outputs=2), inputs=_columns, times=(1.0, 2.0, 4.0), degree=1
        ),
        _survival,
    ),
    "periods": Example(
        tasks.piecewise_hazard(
            MLP(widths=(8,), outputs=2),
            inputs=_columns,
            times=(1.0, 2.0, 4.0),
            degree=1,
            start="start",
        ),
        {**_survival, "start": _survival["time"] / 3},
    ),
    "probabilities of intervals, ranked": Example(
        tasks.probability_mass_survival(
            MLP(widths=(8,), outputs=3), inputs=_columns, times=(1.0, 2.0, 4.0), ranking=0.5
        ),
        _survival,
    ),
    "competing risks": Example(
        tasks.competing_risks(
            MLP(widths=(8,), outputs=4),
            inputs=_columns,
            times=(1.0, 2.0, 4.0),
            causes=("relapse", "death"),
            degree=1,
        ),
        {**_survival, "cause": _survival["event"] * (1 + np.arange(ROWS) % 2)},
    ),
    "hazard ratios": Example(
        tasks.proportional_hazards(MLP(widths=(8,), outputs=1), inputs=_columns), _survival
    ),
    "treatment effects": Example(
        tasks.treatment_effects(
            TARNet((4,), (3,)), inputs=_columns, balance=tasks.mmd_balance(), weigh_arms=True
        ),
        _treated,
    ),
    "counts": Example(poisson_regression(MLP(widths=(8,), outputs=1), inputs=_columns), _counts),
    "overdispersed counts": Example(
        negative_binomial_regression(MLP(widths=(8,), outputs=2), inputs=_columns), _counts
    ),
    "batch norm and augmentation": Example(
        augmented(
            tasks.classification(
                ConvNet(outputs=2, widths=(4, 4), depths=(1, 1), norm=layers.BatchNorm),
                classes=2,
                inputs=_pixels,
            ),
            _shift,
        ),
        {"image": _images, "label": _two},
    ),
    "mixtures": Example(
        mixup(
            tasks.classification(
                PooledClassifier(2, ConvStages((4,), norm=layers.GroupNorm)),
                classes=2,
                inputs=_pixels,
            ),
            augment.random_mixup(0.4),
        ),
        {"image": _images, "label": _two},
    ),
    "text": Example(
        tasks.binary_classification(
            TextClassifier(1, RecurrentEncoder(12, 6, (5,), bidirectional=True)),
            inputs=inputs.tokens,
        ),
        {"tokens": _tokens, "label": _two},
    ),
    "cropped text": Example(
        crop_to_longest(
            tasks.binary_classification(
                TextClassifier(1, RecurrentEncoder(12, 6, (4,), layers.GRU), layers.mean_over_time),
                inputs=inputs.tokens,
            ),
            (2, 5),
        ),
        {"tokens": _tokens, "label": _two},
    ),
    "transformer": Example(
        tasks.binary_classification(
            TextClassifier(1, TransformerEncoder(12, 8, heads=2, layers=1)),
            inputs=inputs.tokens,
        ),
        {"tokens": _tokens, "label": _two},
    ),
    "sentences in context": Example(
        tasks.sequence_labeling(
            SentenceTagger(3, RecurrentEncoder(12, 6, (5,)), units=6),
            classes=3,
            inputs=inputs.tokens,
        ),
        {
            "tokens": _sentences,
            "label": np.where((_sentences != 0).any(-1), _three[:, None], -1).astype(np.int32),
        },
    ),
    "group norm": Example(
        tasks.classification(
            ConvNet(outputs=2, widths=(4, 4), depths=(1, 1), norm=layers.GroupNorm),
            classes=2,
            inputs=_pixels,
        ),
        {"image": _images, "label": _two},
    ),
    "residual network": Example(
        tasks.classification(
            ResNet(outputs=2, depths=(1, 1), widths=(4, 4), stem="imagenet"),
            classes=2,
            inputs=_pixels,
        ),
        {"image": _images, "label": _two},
    ),
    "bottlenecks on volumes": Example(
        tasks.classification(
            ResNet(outputs=2, depths=(1,), widths=(2,), bottleneck=True, norm=layers.GroupNorm),
            classes=2,
            inputs=_pixels,
        ),
        {"image": _volumes, "label": _two},
    ),
    "signals": Example(
        augmented(
            tasks.classification(
                ResNet1d(outputs=2, widths=(3, 4), windows=(3, 2), pool=2),
                classes=2,
                inputs=inputs.signal,
            ),
            augment.per_signal(augment.random_gain(0.1)),
        ),
        {"signal": _signals, "label": _two},
    ),
    "numbers beside a signal": Example(
        tasks.classification(
            SignalClassifier(2, InceptionStages(2, (2, 4), depth=1), widths=(4,)),
            classes=2,
            inputs=lambda batch: (inputs.signal(batch), jnp.asarray(batch["features"])),
        ),
        {"signal": _signals, "features": _features, "label": _two},
    ),
    "random convolutions": Example(
        tasks.classification(MLP((), outputs=2), classes=2, inputs=minirocket(features=84)),
        {"signal": _signals, "label": _two},
    ),
    "segmentation": Example(
        tasks.segmentation(
            UNet(outputs=3, widths=(4, 6), activation=jax.nn.gelu),
            classes=("background", "organ", "lesion"),
            inputs=_pixels,
        ),
        {"image": _images, "label": _maps},
    ),
    "shifted copies": Example(
        shift_averaged(
            tasks.segmentation(
                UNet(outputs=2, widths=(2, 3)),
                classes=("background", "organ"),
                inputs=_pixels,
            )
        ),
        {"image": _images, "label": _maps % 2},
    ),
    "vision transformer": Example(
        tasks.classification(
            ViT(
                outputs=2,
                patch=4,
                width=8,
                heads=2,
                layers=2,
                registers=1,
                dropout=0.2,
                stochastic_depth=0.4,
            ),
            classes=2,
            inputs=_pixels,
        ),
        {"image": _images, "label": _two},
    ),
    "reconstruction": Example(
        tasks.reconstruction(
            Autoencoder(MLP((6,), 2), DenseDecoder((8, 8, 1), (6,))),
            inputs=inputs.unit_pixels,
            noise=gaussian_noise(0.1),
        ),
        {"image": _images},
    ),
    "variational": Example(
        tasks.variational(
            VariationalAutoencoder(MLP((6,), 4), DenseDecoder((8, 8, 1), (6,))),
            inputs=inputs.unit_pixels,
        ),
        {"image": _images},
    ),
    "contrastive": Example(
        tasks.contrastive(Projector(_small_stages, (8, 4)), inputs=_pixels, augment=_shift),
        {"image": _images},
    ),
    "masked pixels": Example(
        tasks.masked_pixels(
            MaskedAutoencoder(_small_stages, ImageDecoder((8, 8, 1), (4,))),
            inputs=_pixels,
            patch=4,
        ),
        {"image": _images},
    ),
    "transformation prediction": Example(
        tasks.transformation_prediction(
            PooledClassifier(4, ConvStages((4,))),
            inputs=_pixels,
            transformations=geometric_transformations()[:4],
        ),
        {"image": _images},
    ),
    "word prediction": Example(
        tasks.word_prediction(
            WordPredictor(
                RecurrentEncoder(12, 4, (3,), bidirectional=True, with_embedding=True),
                12,
                hidden=4,
            ),
            draws=2,
        ),
        {"tokens": _tokens},
    ),
}


@functools.cache
def begun(name: str) -> TrainState:
    """The state that training under SGD begins with. Not to be donated: it is shared."""
    example = EXAMPLES[name]
    return init_state(example.task, optax.sgd(0.1), jax.random.key(0), dict(example.columns))


COMPILED_LONG = (
    "text",
    "cropped text",
    "transformer",
    "sentences in context",
    "residual network",
    "bottlenecks on volumes",
    "signals",
    "numbers beside a signal",
    "vision transformer",
    "contrastive",
    "masked pixels",
    "mixtures",
    "word prediction",
    "bins of records",
    "events",
    "molecules",
)


def parameters(*names: str) -> list:
    """For `parametrize`: the examples of these names, or all; those that compile long are slow."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in COMPILED_LONG else name
        for name in names or EXAMPLES
    ]


NAMES = parameters()
"""For `parametrize`: all examples."""
