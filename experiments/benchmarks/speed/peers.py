"""What `speed.py` measures jaxmed against: its peers.

Each peer is trained the way its own users would, with settings that help it. It is made by a
function of (workload, inputs, labels, batch_size), where inputs are images
[rows, *sides, channels] uint8 or token numbers [rows, 200] int32, and is itself a function
`train(rows, epochs)`: go through the first `rows` examples `epochs` times, in random order, and
return when the last step is done. Nothing is imported before a peer is made, because each lives
in a process of its own.

What was chosen in the peers' favor, each measured on two CPU cores:

- pixels are normalized once, before training, not in every step;
- on an accelerator PyTorch may use TF32 and tries cuDNN's algorithms; where a workload says
  bfloat16, PyTorch computes under autocast and Keras under its mixed policy;
- Keras: `model.fit` with its defaults and no progress bar; for the MLP on JAX and TensorFlow
  16 steps per execution (a tenth to a quarter faster; slower for the CNN, no faster for the
  LSTM), no metrics; TensorFlow without XLA for the LSTM, as Keras chooses itself (with it 190
  for 290 examples/s on a busy machine);
- the U-Nets of PyTorch are `unets.torch_unet`, layer by layer the same network. MONAI's are its
  own `UNet` of the same widths, which already halves the image in its first stage, so beside
  `unet2d` it does less work. All minimize the cross entropy of pixels;
- PyTorch: tensors in memory, indexed by a permutation, no DataLoader; the fused Adam; the CNN
  and the ResNets in channels-last; the LSTM with the batch first, as fast as time first.
  `torch.compile` was slower (61,000 for 64,000 examples/s; CNN 3,900 for 6,600) and is left out.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from resnets import keras_resnet, torch_resnet
from unets import monai_unet, torch_unet
from workloads import DROPOUT, VOCABULARY, WORKLOADS, UNetShape

Train: TypeAlias = Callable[[int, int], None]
"""`train(rows, epochs)`."""
Make: TypeAlias = Callable[[str, np.ndarray, np.ndarray, int], Train]
"""`make(workload, inputs, labels, batch_size)`."""


def keras_fit(
    backend: str, workload: str, inputs: np.ndarray, labels: np.ndarray, batch_size: int
) -> Train:
    """`keras.Model.fit` on one of its backends."""
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from keras import layers

    if backend == "torch":
        _let_torch_be_fast()
    if WORKLOADS[workload].bfloat16:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    residual = WORKLOADS[workload].residual
    body: dict[str, list[Any]] = {
        "mlp": [layers.Flatten(), layers.Dense(512, "relu"), layers.Dense(256, "relu")],
        "cnn": [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten()],
        "lstm": [
            layers.Embedding(VOCABULARY, 128),
            layers.LSTM(64, dropout=DROPOUT, recurrent_dropout=DROPOUT),
        ],
    }
    if workload == "lstm":
        head, loss = layers.Dense(1), keras.losses.BinaryCrossentropy(from_logits=True)
        x, y = inputs, labels[:, None]
    else:
        head, loss = layers.Dense(10), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        x, y = inputs.astype(np.float32) / 255, labels
    if residual:
        model = keras_resnet(residual)
    else:
        entry = keras.Input(x.shape[1:], dtype=x.dtype.name)
        model = keras.Sequential([entry, *body[workload], head])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=loss,
        steps_per_execution=16 if workload == "mlp" and backend != "torch" else 1,
    )

    def train(rows: int, epochs: int) -> None:
        model.fit(x[:rows], y[:rows], batch_size=batch_size, epochs=epochs, verbose=0)

    return train


def torch_loop(
    workload: str,
    inputs: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    unet: Callable[[UNetShape], Any] = torch_unet,
) -> Train:
    """The usual PyTorch loop, over tensors in memory.

    Its LSTM has no dropout of states, so it does without; dropout of inputs is `nn.Dropout`,
    which draws anew for every word where the others draw once per text.
    """
    import torch
    from torch import nn

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _let_torch_be_fast()
    facts = WORKLOADS[workload]
    residual, bfloat16 = facts.residual, facts.bfloat16

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 128)
            self.dropout = nn.Dropout(DROPOUT)
            self.lstm = nn.LSTM(128, 64, batch_first=True)
            self.output = nn.Linear(64, 1)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            _, (state, _) = self.lstm(self.dropout(self.embedding(tokens)))
            return self.output(state[-1])[:, 0]

    images = workload == "cnn" or residual
    layout = torch.channels_last if images else torch.contiguous_format
    networks = {
        "mlp": lambda: nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 512),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Linear(256, 10),
        ),
        "cnn": lambda: nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(5408, 10)
        ),
        "lstm": Reader,
    }
    if residual:
        network = torch_resnet(residual)
    elif facts.unet:
        network = unet(facts.unet)
    else:
        network = networks[workload]()
    network = network.to(device, memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    if workload == "lstm":
        loss, x, y = nn.BCEWithLogitsLoss(), inputs, labels.astype(np.float32)
    else:
        loss, y = nn.CrossEntropyLoss(), labels.astype(np.int64)
        x = np.moveaxis(inputs, -1, 1).astype(np.float32) / 255
    x, y = (torch.from_numpy(array).to(device) for array in (x, y))

    def train(rows: int, epochs: int) -> None:
        for _ in range(epochs):
            for chosen in torch.randperm(rows, device=device).split(batch_size):
                optimizer.zero_grad()
                with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                    logits = network(x[chosen].contiguous(memory_format=layout))
                loss(logits.float(), y[chosen]).backward()
                optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return train


def _let_torch_be_fast() -> None:
    import torch

    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


def device_of(modules: Sequence[str]) -> str:
    """On what a contender that imports these computes: "cpu" or "gpu"."""
    if "torch" in modules:
        import torch

        return "gpu" if torch.cuda.is_available() else "cpu"
    if "tensorflow" in modules:
        import tensorflow as tf

        return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    import jax

    return jax.devices()[0].platform


PEERS: dict[str, tuple[tuple[str, ...], Make]] = {
    "keras-jax": (("keras", "jax"), functools.partial(keras_fit, "jax")),
    "keras-tensorflow": (("keras", "tensorflow"), functools.partial(keras_fit, "tensorflow")),
    "keras-torch": (("keras", "torch"), functools.partial(keras_fit, "torch")),
    "torch": (("torch",), torch_loop),
    "monai": (("monai", "torch"), functools.partial(torch_loop, unet=monai_unet)),
}
"""By name: the modules that must be installed, and what makes the peer."""
