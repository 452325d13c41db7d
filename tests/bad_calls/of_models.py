"""Networks and layers: refused when they are made, before any array is."""

from __future__ import annotations

import jax
import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    BELOW_ONE,
    COUNT,
    COUNT_FROM_0,
    COUNTS,
    FLAG,
    FRACTION,
    FUNCTION,
    OBJECT,
    POSITIVE,
    TEXT,
    Kind,
    array,
    word,
)

from jaxmed import models
from jaxmed.models import layers

COUNTS_1 = COUNTS.also((0,), [2, 0])
COUNTS_OR_NONE = COUNTS_1.optional()
_STRIDES = COUNTS_1.also(
    (1,),
    (1, 2, 2),
    "12",
    (1, "2"),
    (1, 1.5),
    (1, (2, 0)),
    (1, (2, 1.5)),
    (1, (2,)),
    (1, ()),
    ((1, 1), (1, 2, 2)),
    (1, (2, (2, 2))),
    np.ones((2, 2, 2)),
    (1, np.ones((2, 2))),
)
_SPACING = Kind(
    [*COUNTS.bad[:27], (), (1.0,), (1.0, 1.0, 1.0), (1.0, 0.0), (1.0, -1.0), (1.0, float("nan"))]
)
NETWORK = Kind([*OBJECT.bad, models.MLP])
MLP = models.MLP((2,), 2)
DEPTHS = COUNTS_1.also((1, 1, 1), (), [1])

outputs = (2, COUNT)
dropout = (0.25, BELOW_ONE)
network = (MLP, NETWORK)
activation = (jax.nn.relu, FUNCTION)
norm = (layers.GroupNorm, FUNCTION)
widths = ((4, 4), COUNTS_1)
depths = ((1, 1), DEPTHS)
sides = ((8, 8, 1), COUNTS_1.also(()))
dtype = Kind([*OBJECT.bad, "int32", np.int32, jax.numpy.uint8, bool, complex, "floaty"])

CALLS: dict[str, Call] = {
    "MLP": call(
        models.MLP,
        widths=widths,
        outputs=outputs,
        activation=activation,
        dropout=dropout,
        kernel_init=(jax.nn.initializers.he_normal(), FUNCTION),
        input_dropout=dropout,
    ),
    "Autoencoder": call(models.Autoencoder, encoder=network, decoder=network),
    "VariationalAutoencoder": call(models.VariationalAutoencoder, encoder=network, decoder=network),
    "ImageEncoder": call(models.ImageEncoder, outputs=outputs, stages=network),
    "DenseDecoder": call(models.DenseDecoder, shape=sides, widths=widths, activation=activation),
    "Sum": call(models.Sum, parts=([MLP], Kind([*OBJECT.bad, [], [1], [None], [models.MLP]]))),
    "SimpleCNN": call(models.SimpleCNN, outputs=outputs, features=outputs),
    "ConvNet": call(
        models.ConvNet,
        outputs=outputs,
        widths=((4, 4), COUNTS_1.also((), (1,))),
        depths=depths,
        norm=norm,
        activation=activation,
        dropout=dropout,
    ),
    "ConvStages": call(
        models.ConvStages,
        {"widths": "widths|depths"},
        widths=((4, 4), COUNTS_1.also((), (1,))),
        depths=((1, 1), DEPTHS.optional()),
        norm=norm,
        activation=activation,
    ),
    "HashedNgrams": call(
        models.HashedNgrams,
        width=outputs,
        longest=outputs,
        bits=(4, COUNT.also(32)),
        dropout=dropout,
    ),
    "PooledClassifier": call(
        models.PooledClassifier, outputs=outputs, encoder=network, dropout=dropout
    ),
    "Projector": call(models.Projector, encoder=network, widths=((4, 4), COUNTS_1.also(()))),
    "MaskedAutoencoder": call(models.MaskedAutoencoder, encoder=network, decoder=network),
    "ImageDecoder": call(
        models.ImageDecoder,
        shape=sides,
        widths=((4, 4), COUNTS_1.also(())),
        norm=norm,
        activation=activation,
    ),
    "RecurrentEncoder": call(
        models.RecurrentEncoder,
        vocabulary=outputs,
        embedding=outputs,
        units=((4, 4), COUNTS_1.also(())),
        cell=(layers.GRU, OBJECT),
        bidirectional=(True, FLAG),
        dropout=dropout,
        recurrent_dropout=dropout,
        zoneout=dropout,
        with_embedding=(False, FLAG),
    ),
    **{
        name: call(
            getattr(models, name),
            {"widths": "widths|depths"},
            **more,
            widths=((4, 4), COUNTS_1.also((), (1,))),
            depths=depths,
            bottleneck=(False, FLAG),
            stem=("small", word("small")),
            norm=norm,
            rematerialize=(False, FLAG),
        )
        for name, more in {
            "ResNet": {"outputs": outputs, "dropout": dropout},
            "ResNetStages": {},
        }.items()
    },
    **{
        name: call(getattr(models, name), outputs=outputs, dropout=dropout)
        for name in ("resnet18", "resnet34", "resnet50", "vit_base", "vit_small", "vit_tiny")
    },
    **{
        name: call(
            getattr(models, name),
            **more,
            width=outputs,
            windows=((4, 2), COUNTS_1.also(())),
            depth=outputs,
            bottleneck=outputs,
            norm=norm,
        )
        for name, more in {
            "InceptionTime": {"outputs": outputs, "dropout": dropout},
            "InceptionStages": {},
        }.items()
    },
    **{
        name: call(
            getattr(models, name),
            **more,
            widths=((4, 4), COUNTS_1.also(())),
            windows=((4, 2), COUNTS_1.also(())),
            pool=outputs,
            norm=norm,
        )
        for name, more in {
            "ResNet1d": {"outputs": outputs, "dropout": dropout},
            "ResNet1dStages": {},
        }.items()
    },
    "SignalClassifier": call(
        models.SignalClassifier,
        outputs=outputs,
        encoder=network,
        widths=((4, 4), COUNTS_1),
        activation=activation,
        dropout=dropout,
    ),
    "hydra": call(
        models.hydra,
        groups=(2, COUNT.also(1, 3)),
        kernels=(2, COUNT.also(1)),
        seed=(0, COUNT_FROM_0),
        column=("signal", TEXT),
    ),
    "minirocket": call(models.minirocket, features=(84, COUNT.also(83)), column=("signal", TEXT)),
    "scattering": call(
        models.scattering,
        image=(np.zeros((1, 8, 8, 1), np.float32), array(4, more=[np.zeros((1, 9, 8, 1), "f")])),
        scales=(2, COUNT.also(3)),
        angles=(2, COUNT),
        order=(1, COUNT_FROM_0.also(3)),
    ),
    "SentenceTagger": call(
        models.SentenceTagger,
        classes=outputs,
        encoder=network,
        pooling=(layers.max_over_time, FUNCTION),
        phrases=(MLP, NETWORK.optional()),
        units=outputs,
        context=(True, FLAG),
        chained=(True, FLAG),
        dropout=dropout,
    ),
    "SparseLinear": call(models.SparseLinear, outputs=outputs, inputs=outputs, dropout=dropout),
    "TextClassifier": call(
        models.TextClassifier,
        outputs=outputs,
        encoder=network,
        pooling=(layers.max_over_time, FUNCTION),
        dropout=dropout,
    ),
    "ConvEncoder": call(
        models.ConvEncoder,
        vocabulary=outputs,
        embedding=outputs,
        features=outputs,
        windows=((2, 3), COUNTS_1.also(())),
        dropout=dropout,
    ),
    "TransformerEncoder": call(
        models.TransformerEncoder,
        vocabulary=outputs,
        width=(4, COUNT.also(5)),
        heads=(2, COUNT.also(3)),
        layers=outputs,
        hidden=(2, COUNT.optional()),
        dropout=dropout,
    ),
    "ViT": call(
        models.ViT,
        outputs=outputs,
        patch=((4, 4), Kind([*COUNTS_1.bad, -1, 0, 2.5], COUNTS.same)),
        width=(4, COUNT.also(5)),
        heads=(2, COUNT.also(3)),
        layers=outputs,
        hidden=(2, COUNT.optional()),
        pooling=("mean", word("mean")),
        registers=(1, COUNT_FROM_0),
        dropout=dropout,
        stochastic_depth=dropout,
    ),
    "WordPredictor": call(
        models.WordPredictor, encoder=network, vocabulary=outputs, hidden=outputs
    ),
    "UNet": call(
        models.UNet,
        {"widths": "widths|depths|strides"},
        outputs=outputs,
        widths=((4, 4), COUNTS_1.also((), (1,))),
        strides=((1, 2), _STRIDES.optional()),
        depths=((1, 1), DEPTHS.optional()),
        residual=(True, FLAG),
        norm=(layers.InstanceNorm, FUNCTION),
        activation=activation,
        deep_supervision=(False, FLAG),
    ),
    "unet_plan": call(
        models.unet_plan,
        shape=((20, 32), COUNTS_1.also((), (5,), (5, 5, 5, 5))),
        spacing=((1.0, 2.0), _SPACING),
        outputs=outputs,
        memory=(1e9, POSITIVE.also(1e3)),
        cases=(100, COUNT.optional()),
        width=(8, COUNT.also(65)),
        max_width=(64, COUNT.also(7).optional()),
    ),
    "in_dtype": call(models.in_dtype, network=network, dtype=("float32", dtype)),
    "layers.BatchNorm": call(
        layers.BatchNorm,
        momentum=(0.9, FRACTION),
        epsilon=(1e-5, POSITIVE),
        scale_init=(jax.nn.initializers.ones, FUNCTION),
    ),
    "layers.GroupNorm": call(
        layers.GroupNorm,
        groups=outputs,
        epsilon=(1e-5, POSITIVE),
        scale_init=(jax.nn.initializers.ones, FUNCTION),
    ),
    "layers.InstanceNorm": call(
        layers.InstanceNorm,
        epsilon=(1e-5, POSITIVE),
        scale_init=(jax.nn.initializers.ones, FUNCTION),
    ),
    "layers.Upsample": call(layers.Upsample, features=outputs, factors=((2, 2), COUNTS_1)),
    "layers.Conv": call(
        layers.Conv,
        features=outputs,
        window=widths,
        strides=((1, 1), COUNTS_OR_NONE),
        use_bias=(True, FLAG),
    ),
    "layers.Dropout": call(layers.Dropout, {"rate": "dropout"}, rate=dropout),
    "layers.StochasticDepth": call(
        layers.StochasticDepth, {"rate": "stochastic_depth"}, rate=dropout
    ),
    "layers.SelfAttention": call(
        layers.SelfAttention, heads=outputs, position=(jax.nn.relu, FUNCTION.optional())
    ),
    "layers.TransformerLayer": call(
        layers.TransformerLayer,
        heads=outputs,
        hidden=outputs,
        dropout=dropout,
        position=(jax.nn.relu, FUNCTION.optional()),
        stochastic_depth=dropout,
    ),
}
CALLS = {f"models.{name}": line for name, line in CALLS.items()}
