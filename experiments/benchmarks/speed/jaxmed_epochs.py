"""jaxmed itself as a contender of `speed.py`: epochs as one program over data on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
from workloads import DROPOUT, VOCABULARY, WORKLOADS, Workload


class Epochs:
    """`train(rows, epochs)`, as `peers` describes it, and what one step of it moves."""

    def __init__(
        self,
        workload: str,
        inputs: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        *,
        dropout: float = DROPOUT,
    ):
        import jax
        import optax

        from jaxmed.runtime import placement
        from jaxmed.training.epoch import make_epoch
        from jaxmed.training.step import init_state, make_train_step

        task, column = _task(WORKLOADS[workload], dropout)
        optimizer, self._where = optax.adam(1e-3), placement.jit()
        self._key, self._batch_size = jax.random.key(0), batch_size
        self._run = self._where.compile(make_epoch(make_train_step(task, optimizer)), 1)
        data = {column: inputs, "label": labels.astype(np.int32)}
        self._data = self._where.replicate(data)
        self._state = self._where.state(init_state(task, optimizer, self._key, data))
        self._programs: dict[int, Any] = {}

    def __call__(self, rows: int, epochs: int) -> None:
        """Train, and return when the last step is done."""
        import jax

        from jaxmed.data import batches

        for epoch in range(epochs):
            order = batches.shuffled_rows(self._key, epoch, rows, self._batch_size)
            order = self._where.shard(order, 1)
            if rows not in self._programs:
                lowered = self._run.lower(self._state, self._data, order)
                self._programs[rows] = lowered.compile()
            self._state, _ = self._programs[rows](self._state, self._data, order)
        jax.block_until_ready(self._state)

    def bytes_of_a_step(self) -> float:
        """What its kernels read and write, by XLA's own count; after an epoch of one batch."""
        return float(self._programs[self._batch_size].cost_analysis()["bytes accessed"])


def _task(workload: Workload, dropout: float) -> tuple[Any, str]:
    """What is learned, and the name of the column that it reads."""
    import jax.numpy as jnp

    import jaxmed as jm
    from jaxmed import models
    from jaxmed.data import inputs

    if workload.network == "lstm":
        encoder = models.RecurrentEncoder(VOCABULARY, dropout=dropout, recurrent_dropout=dropout)
        network = models.TextClassifier(1, encoder)
        return jm.tasks.binary_classification(network, inputs=inputs.tokens), "tokens"
    classes = 10
    if workload.network == "resnet":
        assert workload.residual is not None
        kind, classes = workload.residual, workload.residual.classes
        stem = "imagenet" if kind.imagenet else "small"
        network = models.ResNet(classes, kind.depths, bottleneck=kind.bottleneck, stem=stem)
    elif workload.network == "unet":
        assert workload.unet is not None
        shape = workload.unet
        network = models.UNet(shape.classes, shape.widths, shape.strides, residual=shape.residual)
    elif workload.network == "mlp":
        network = models.MLP(widths=(512, 256), outputs=10)
    else:
        network = models.SimpleCNN(10)
    if workload.bfloat16:
        network = models.in_dtype(network, jnp.bfloat16)
    if workload.unet is not None:
        task = jm.tasks.segmentation(
            network,
            classes=[str(label) for label in range(workload.unet.classes)],
            inputs=inputs.pixels(),
            loss=jm.losses.voxel_cross_entropy,
            metrics={},
        )
    else:
        task = jm.tasks.classification(network, classes=classes, inputs=inputs.pixels())
    if workload.members > 1:
        task = jm.transforms.ensemble(task, members=workload.members)
    return task, "image"
