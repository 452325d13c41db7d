"""How fast are integrated gradients, and do they add up?

A small convolutional network is trained on PneumoniaMNIST, or on made-up images. Three things are
timed in turns, so that other work on the machine affects them alike: `integrated_gradients` of
`--images` images, one plain compiled gradient of the same images, and, where torch and captum are
installed, Captum's IntegratedGradients on the same network and weights in PyTorch: in one
call for all images, whose smallest internal batch is all of them, and in calls for some each,
which is faster. The table: images per second (median), how many plain gradients the attributions
cost, and how often Captum's numbers differ by more than 1e-4, from ours and from its own in
float64: where the line crosses the kink of a ReLU, a last digit decides on which side. Then, for
each rule of integration, the error of completeness: the sum of |parts - difference of scores| over
the sum of |difference|, and that of the worst image.

    python experiments/benchmarks/attribution.py
    python experiments/benchmarks/attribution.py --data made_up --images 20 --steps 4 --rounds 1

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmed as jm
from jaxmed.experiment import main, results
from jaxmed.explain import integrated_gradients
from jaxmed.runs import record
from jaxmed.tasks import Model
from jaxmed.typing import Columns

RULES = ("midpoint", "gauss_legendre")
TARGET = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the benchmark."""

    data: Literal["pneumoniamnist", "made_up"] = "pneumoniamnist"
    """Real images, or random ones."""
    images: int = 1000
    """Images to explain."""
    steps: int = 64
    """Points of the integral."""
    batch_size: int = 64
    """Images times steps per call of jaxmed, and images per plain gradient."""
    captum_batch_size: int = 128
    """Images times steps per internal batch of Captum, and images per call of Captum in parts."""
    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each stage of the network."""
    epochs: int = 3
    """How often training goes through the images."""
    rounds: int = 5
    """How often each contender has its turn."""
    runs: Path = Path("runs/attribution")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, float]:
    """The figures by name."""
    columns = images(settings)
    model = trained(settings, columns)
    rows = {"image": columns["image"][: settings.images]}
    turns: dict[str, Callable[[], Any]] = {
        "jaxmed": lambda: attributions(model, rows, settings, RULES[0]),
        "one gradient": plain_gradient(model, rows, settings.batch_size),
    }
    if all(importlib.util.find_spec(name) for name in ("torch", "captum")):
        turns |= captum(model, rows, settings)
    first = {name: turn() for name, turn in turns.items()}  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(settings.rounds):
        for name, turn in turns.items():
            started = time.perf_counter()
            turn()
            seconds[name].append(time.perf_counter() - started)
    found = figures(settings, seconds)
    if "Captum" in first:
        found |= differences("jaxmed", first["jaxmed"], first["Captum"])
        found |= differences("Captum in float64", precise(model, rows, settings), first["Captum"])
    for rule in RULES:
        found |= completeness(model, rows, settings, rule)
    for name, number in found.items():
        print(f"{name:45} {number:12.5g}")
    write(settings, found)
    return found


def images(settings: Settings) -> Columns:
    """Images of 28 pixels with two labels."""
    if settings.data == "pneumoniamnist":
        return jm.data.columns(jm.data.load("pneumoniamnist")[0])
    random = np.random.default_rng(0)
    label = (np.arange(max(settings.images, 64)) % 2).astype(np.int32)
    image = random.integers(0, 200, (len(label), 28, 28, 1)) + 50 * label[:, None, None, None]
    return {"image": image.astype(np.uint8), "label": label}


def trained(settings: Settings, columns: Columns) -> Model:
    """The network after a few epochs."""
    network = jm.models.ConvNet(
        outputs=2, widths=settings.widths, depths=(1,) * len(settings.widths)
    )
    task = jm.tasks.classification(network, classes=2, inputs=jm.data.inputs.pixels())
    fit = jm.fit(
        task,
        optax.adamw(1e-3),
        columns,
        key=jax.random.key(0),
        batch_size=64,
        epochs=settings.epochs,
    )
    return fit.model


def attributions(model: Model, rows: Columns, settings: Settings, rule: Any) -> np.ndarray:
    """Ours."""
    return integrated_gradients(
        model,
        rows,
        target=TARGET,
        steps=settings.steps,
        rule=rule,
        batch_size=settings.batch_size,
    )


def plain_gradient(model: Model, rows: Columns, batch_size: int) -> Callable[[], np.ndarray]:
    """One gradient of each image with respect to what the network reads, compiled by hand."""

    @jax.jit
    def gradient(model: Model, batch: Any) -> Any:
        def score(added: Any) -> Any:
            return model.intermediates(batch, added={"inputs": added})[0]["logits"][:, TARGET].sum()

        return jax.grad(score)(jnp.zeros(batch["image"].shape, jnp.float32))

    def run() -> np.ndarray:
        image = rows["image"]
        parts = [
            gradient(model, {"image": image[first : first + batch_size]})
            for first in range(0, len(image), batch_size)
        ]
        return np.concatenate([np.asarray(part) for part in parts])

    return run


def captum(model: Model, rows: Columns, settings: Settings) -> dict[str, Callable[[], np.ndarray]]:
    """Captum's integrated gradients of the same network, in one call and in parts."""
    import torch

    network = torch_network(model, settings)
    inputs = torch_inputs(model, rows)
    expected = np.asarray(model.predict(rows)["logits"])
    with torch.no_grad():
        np.testing.assert_allclose(network(inputs).numpy(), expected, rtol=1e-3, atol=1e-3)
    size = settings.captum_batch_size

    def in_parts() -> np.ndarray:
        parts = [inputs[first : first + size] for first in range(0, len(inputs), size)]
        return np.concatenate([of_captum(network, part, settings) for part in parts])

    return {"Captum": lambda: of_captum(network, inputs, settings), "Captum in parts": in_parts}


def of_captum(network: Any, inputs: Any, settings: Settings) -> np.ndarray:
    """Its attributions; an internal batch holds at least one point of every image."""
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(network).attribute(
        inputs,
        target=TARGET,
        n_steps=settings.steps,
        method="riemann_middle",
        internal_batch_size=max(settings.captum_batch_size, len(inputs)),
    )
    return np.moveaxis(found.detach().numpy(), 1, -1)


def precise(model: Model, rows: Columns, settings: Settings) -> np.ndarray:
    """Captum's attributions where it computes in float64."""
    network = torch_network(model, settings).double()
    return of_captum(network, torch_inputs(model, rows).double(), settings)


def torch_inputs(model: Model, rows: Columns) -> Any:
    """What the network reads, channels first."""
    import torch

    return torch.tensor(np.moveaxis(np.asarray(model.intermediates(rows)[1]["inputs"]), -1, 1))


def differences(name: str, found: np.ndarray, captum: np.ndarray) -> dict[str, float]:
    """The largest difference from Captum's attributions, and images with more than 1e-4."""
    each = abs(found - captum).reshape(len(found), -1).max(1)
    return {
        f"{name}/largest_difference": float(each.max()),
        f"{name}/images_that_differ": float((each > 1e-4).sum()),
    }


def torch_network(model: Model, settings: Settings) -> Any:
    """The network in PyTorch, in evaluation, with the weights of ours."""
    import torch
    from torch import nn

    def tensor(x: Any) -> Any:
        return nn.Parameter(torch.tensor(np.asarray(x).copy()), requires_grad=False)

    layers: list[Any] = []
    before = 1
    for stage, width in enumerate(settings.widths):
        convolution = nn.Conv2d(before, width, 3, padding=1, bias=False)
        kernel = np.asarray(model.params[f"Conv_{stage}"]["kernel"])
        convolution.weight = tensor(np.transpose(kernel, (3, 2, 0, 1)))
        layers.append(convolution)
        if stage + 1 < len(settings.widths):
            layers.append(nn.MaxPool2d(2))
        norm, own = nn.BatchNorm2d(width), model.params[f"BatchNorm_{stage}"]
        norm.weight, norm.bias = tensor(own["scale"]), tensor(own["bias"])
        kept = model.state["batch_stats"][f"BatchNorm_{stage}"]
        norm.running_mean, norm.running_var = tensor(kept["mean"]), tensor(kept["variance"])
        layers += [norm, nn.ReLU()]
        before = width
    last = nn.Linear(before, 2)
    last.weight = tensor(np.asarray(model.params["Dense_0"]["kernel"]).T)
    last.bias = tensor(model.params["Dense_0"]["bias"])
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last).eval()


def figures(settings: Settings, seconds: dict[str, list[float]]) -> dict[str, float]:
    """Rates, and how often one gradient fits into the time of the attributions."""
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    found = {
        f"{name}/images_per_second": settings.images / middle[name]
        for name in middle
        if name != "one gradient"
    }
    ratio = functools.partial(_median_ratio, seconds)
    found["jaxmed/relative_cost"] = ratio("jaxmed", "one gradient") / settings.steps
    if "Captum" in seconds:
        found["jaxmed/ratio"] = ratio("Captum", "jaxmed")
        found["jaxmed/ratio_to_parts"] = ratio("Captum in parts", "jaxmed")
    return found


def _median_ratio(seconds: dict[str, list[float]], above: str, below: str) -> float:
    return statistics.median(a / b for a, b in zip(seconds[above], seconds[below], strict=True))


def completeness(model: Model, rows: Columns, settings: Settings, rule: str) -> dict[str, float]:
    """The error of completeness of all images together, and of the worst one."""
    parts = attributions(model, rows, settings, rule).astype(np.float64).sum((1, 2, 3))

    @jax.jit
    def difference(image: Any) -> Any:
        outputs, values = model.intermediates({"image": image})
        without, _ = model.intermediates({"image": image}, added={"inputs": -values["inputs"]})
        return (outputs["logits"] - without["logits"])[:, TARGET]

    there = np.concatenate(
        [
            np.asarray(difference(rows["image"][first : first + settings.batch_size]))
            for first in range(0, settings.images, settings.batch_size)
        ]
    ).astype(np.float64)
    error = abs(parts - there)
    return {
        f"{rule}/percent_missing": 100 * error.sum() / abs(there).sum(),
        f"{rule}/percent_missing_of_the_worst": 100 * (error / abs(there)).max(),
    }


def write(settings: Settings, found: dict[str, float]) -> None:
    """`result.json` in a new folder."""
    folder = record.new_run(settings.runs)
    results.from_runs(
        {name: [number] for name, number in found.items()},
        question="How fast are integrated gradients, and do they add up?",
        data=f"{settings.images:,} images of {settings.data.replace('_', '-')}, 28 pixels",
        recipe=f"ConvNet of {'-'.join(map(str, settings.widths))} channels, {settings.steps} steps",
        script=__file__,
        settings=settings,
        seeds=(),
        seconds=(),
        headline=[name for name in found if name.startswith("jaxmed/") or name in _HEADLINE],
    ).write(folder / "result.json")
    print(f"results: {folder / 'result.json'}")


_HEADLINE = tuple(f"{rule}/percent_missing" for rule in RULES)

if __name__ == "__main__":
    main(experiment, Settings, __doc__)
