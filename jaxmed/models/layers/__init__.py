"""Layers that the networks are made of, all offered here: `layers.BatchNorm`, `layers.Conv`, ..."""

from collections.abc import Callable
from typing import TypeAlias

from jaxmed.models.layers.attention import SelfAttention, TransformerLayer
from jaxmed.models.layers.convolution import Bias, Conv
from jaxmed.models.layers.dropout import Dropout, StochasticDepth
from jaxmed.models.layers.norm import BatchNorm, GroupNorm, InstanceNorm
from jaxmed.models.layers.pooling import global_mean_pool, max_pool, overlapping_max_pool
from jaxmed.models.layers.recurrent_cells import GRU, LSTM, RNN
from jaxmed.models.layers.time_pooling import (
    AttentionPooling,
    Pooling,
    last_state,
    max_over_time,
    mean_over_time,
)
from jaxmed.models.layers.upsampling import Upsample
from jaxmed.typing import Array

Activation: TypeAlias = Callable[[Array], Array]
"""An element-wise non-linearity, such as `jax.nn.relu`."""

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "AttentionPooling",
    "BatchNorm",
    "Bias",
    "Conv",
    "Dropout",
    "GroupNorm",
    "InstanceNorm",
    "Pooling",
    "SelfAttention",
    "StochasticDepth",
    "TransformerLayer",
    "Upsample",
    "global_mean_pool",
    "last_state",
    "max_over_time",
    "max_pool",
    "mean_over_time",
    "overlapping_max_pool",
]
