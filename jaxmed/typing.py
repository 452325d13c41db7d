"""The words that every signature in jaxmed uses.

A `Batch` is a flat dict of arrays with one leading axis. Reserved keys:

=========  ===============================================  =========================
key        shape                                            meaning
=========  ===============================================  =========================
image      [batch, height, width, channels]                 uint8 until on the device,
                                                            or float32 measurements
           [batch, depth, height, width, channels]          volumes
tokens     [batch, length]                                  int32
signal     [batch, time, channels]                          float32
features   [batch, columns]                                 float32
label      [batch], or [batch, labels] for multilabel       int32, float32 to regress;
                                                            of several, -1 or NaN where
                                                            one is not known
           [batch, (depth,) height, width]                  int8, classes of pixels,
                                                            -1 not labelled
instance   [batch, (depth,) height, width]                  int32, number of the object,
                                                            0 none
spacing    [batch, axes]                                    float32, mm per voxel
mask       [batch]                                          1 real, 0 padding
id         [batch]                                          int32, row of the source
group      [batch]                                          int32, patient or study
=========  ===============================================  =========================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import numpy as np

from jaxmed import jax_version

jax_version.check_jaxlib()  # here, because all that computes with JAX imports this module

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, Num, UInt8
else:
    try:
        from jaxtyping import Bool, Float, Int, Num, UInt8
    except ImportError:  # the functional core runs with jax, flax, optax and numpy alone

        class _Shape:
            """Stands in for a shape annotation: `Float[Array, "batch"]` is then `Array`."""

            def __class_getitem__(cls, item):
                return item[0]

        Bool = Float = Int = Num = UInt8 = _Shape

__all__ = [
    "AnyArray",
    "Array",
    "Batch",
    "Bool",
    "Columns",
    "Float",
    "Int",
    "Key",
    "Loss",
    "ModelState",
    "Num",
    "Option",
    "Outputs",
    "Params",
    "Scalars",
    "Transform",
    "Tree",
    "UInt8",
]

Array: TypeAlias = jax.Array
AnyArray: TypeAlias = jax.Array | np.ndarray
"""On the device or on the host."""
Key: TypeAlias = jax.Array
Option: TypeAlias = float | int | Float[Array, ""]
"""A number, or a traced scalar: what `jaxmed.search.sweeps` can search."""
Tree: TypeAlias = Any
Params: TypeAlias = Any
ModelState: TypeAlias = Any
Batch: TypeAlias = Mapping[str, Any]
"""Arrays by key, on the device or traced."""
Columns: TypeAlias = Mapping[str, np.ndarray]
"""A whole split on the host: the same keys as a batch, one row an example."""
Outputs: TypeAlias = Mapping[str, Any]
"""What a task predicts: `logits` and `probabilities` [batch, classes], or `value` [batch]."""
Loss: TypeAlias = Callable[[Array, Array], Array]
"""(logits or values, labels) -> losses [batch]."""
Scalars: TypeAlias = Mapping[str, Any]
Transform: TypeAlias = Callable[[Key, Batch], Batch]
