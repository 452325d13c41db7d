"""Are attributions of a chest X-ray classifier faithful? Deletion, insertion, randomization.

A small convolutional network learns PneumoniaMNIST. Each method explains the same test images.
Two tests tell whether its maps say something about the network: insertion minus deletion (area
between the curves of the predicted class's probability, compared with a random order), and the rank
correlation of |maps| before and after randomizing all parameters, which must be low. Integrated and
expected gradients also tell how far they are from adding up.

    python experiments/trust/attribution_tests.py --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import checks, explain
from jaxmed.data import inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder, summarize
from jaxmed.files import write_whole
from jaxmed.runs.history import write_history
from jaxmed.runs.manifest import write_manifest
from jaxmed.typing import Columns

RANDOM, DRAWN = "random", "expected gradients"
MOST_CORRELATION = 0.2
"""Above it, a method shows the image rather than the network."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """One trained network, and one set of random parameters, per seed."""
    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each stage of the network."""
    epochs: int = 5
    """Passes over the training images."""
    batch_size: int = 64
    """Images per step."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    images: int = 64
    """Test images that are explained, drawn evenly from the split."""
    background: int = 64
    """Training images from which expected gradients start."""
    steps: int = 64
    """Steps of integrated gradients; draws of expected gradients and SmoothGrad."""
    masks: int = 500
    """Random masks of RISE."""
    curve_steps: int = 14
    """Points of the deletion and insertion curves."""
    baseline: str = "blur"
    """What stands in for removed pixels: blur, mean or zeros."""
    runs: Path = Path("runs/attribution_tests")
    """The folder in which a new folder is made for this run."""


def methods(settings: Settings, background: Columns) -> dict[str, explain.Method]:
    """The attribution methods by name."""
    steps = settings.steps
    return {
        "saliency": explain.saliency,
        "input x gradient": explain.input_x_gradient,
        "SmoothGrad": functools.partial(explain.smooth_grad, draws=steps),
        "integrated gradients": functools.partial(explain.integrated_gradients, steps=steps),
        "expected gradients": functools.partial(
            explain.expected_gradients, background=background, draws=steps
        ),
        "Grad-CAM": explain.grad_cam,
        "occlusion": functools.partial(explain.occlusion, window=6, stride=2),
        "RISE": functools.partial(explain.rise, masks=settings.masks),
    }


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train, explain and test with every seed; the summary is by method and number."""
    for name in ("images", "background", "steps", "masks", "curve_steps"):
        checks.positive(name, getattr(settings, name))
    train, _, test = map(jm.data.columns, jm.data.load("pneumoniamnist", **settings.places()))
    shown, background = spread(test, settings.images), spread(train, settings.background)
    # One task for all seeds, so that each method is compiled once.
    task = jm.tasks.classification(
        jm.models.ConvNet(outputs=2, widths=settings.widths, depths=(1,) * len(settings.widths)),
        classes=("normal", "pneumonia"),
        inputs=inputs.pixels(),
    )
    folder = run_folder(settings)
    rows, seconds = [], []
    for seed in settings.seeds:
        model, time_of_fit = trained(settings, task, train, seed, folder)
        seconds.append(time_of_fit)
        accuracy = jm.evaluation.compute_metrics(model, test)["accuracy"]
        maps, tested = {}, {"accuracy": accuracy}
        for name, method in methods(settings, background).items():
            maps[name], found = tests_of(settings, model, shown, method, seed)
            tested |= {f"{name}/{number}": value for number, value in found.items()}
            said = ", ".join(f"{what} {value:.3f}" for what, value in found.items())
            print(f"seed {seed}, {name}: {said}", flush=True)
        random = explain.random_attribution(shown["image"].shape, jax.random.key(seed))
        tested[f"{RANDOM}/insertion_minus_deletion"] = curves(settings, model, shown, random).mean
        tested |= completeness(settings, model, shown, background, maps)
        rows.append({"seed": seed, **tested})
        draw(folder / f"seed-{seed}" / "attributions.png", model, shown, maps[DRAWN])
    write_history(folder / "attributions.jsonl", rows)
    values = {name: [row[name] for row in rows] for name in rows[0] if name != "seed"}
    summary = {name: summarize(found) for name, found in values.items()}
    passing = [
        name.rpartition("/")[0]
        for name, found in summary.items()
        if name.endswith("/randomized_correlation") and found.mean < MOST_CORRELATION
    ]
    best = max(
        (f"{name}/insertion_minus_deletion" for name in [*passing, RANDOM]),
        key=lambda name: summary[name].mean,
    )
    results.from_runs(
        values,
        question="Are attributions of a chest X-ray classifier faithful?",
        data=f"PneumoniaMNIST, {len(shown['label'])} test images",
        recipe="ConvNet " + "-".join(map(str, settings.widths)),
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes("test", len(shown["label"]), len(train["label"])),
        headline=list(dict.fromkeys([best, f"{RANDOM}/insertion_minus_deletion"])),
    ).write(folder / "result.json")
    text = table(summary)
    write_whole(folder / "table.txt", text + "\n")
    write_manifest(folder)
    print(f"\n{text}\nresults: {folder / 'result.json'}")
    return summary


def spread(columns: Columns, count: int) -> Columns:
    """So many rows, evenly from the split."""
    rows = len(columns["label"])
    return jm.data.take_rows(columns, np.linspace(0, rows - 1, min(count, rows)).astype(int))


def trained(
    settings: Settings, task: jm.Task, train: Columns, seed: int, folder: Path
) -> tuple[jm.Model, float]:
    """The network of a seed, and how long it took."""
    steps = settings.epochs * -(-len(train["label"]) // settings.batch_size)
    schedule = optax.cosine_onecycle_schedule(steps, settings.learning_rate, pct_start=0.2)
    started = time.perf_counter()
    fitted = jm.fit(
        task,
        optax.adamw(schedule, weight_decay=1e-2),
        train,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        steps=steps,
        run=jm.Run(
            folder / f"seed-{seed}",
            resume=settings.resume is not None,
            settings=settings,
            artifacts=False,
        ),
    )
    return fitted.model, time.perf_counter() - started


def tests_of(
    settings: Settings, model: jm.Model, shown: Columns, method: explain.Method, seed: int
) -> tuple[np.ndarray, dict[str, float]]:
    """The maps of a method, and the numbers of both tests."""
    maps = method(model, shown)
    removal = curves(settings, model, shown, maps)
    randomized = explain.parameter_randomization(
        method, model, shown, key=jax.random.key(1000 + seed)
    )
    return maps, {
        "insertion_minus_deletion": removal.mean,
        "insertion": float(removal.insertion_area.mean()),
        "deletion": float(removal.deletion_area.mean()),
        "randomized_correlation": float(randomized.mean[-1]),
    }


def curves(
    settings: Settings, model: jm.Model, shown: Columns, maps: np.ndarray
) -> explain.RemovalCurves:
    """Deletion and insertion of some maps."""
    return explain.deletion_insertion(
        model, shown, maps, steps=settings.curve_steps, baseline=settings.baseline
    )


def completeness(
    settings: Settings,
    model: jm.Model,
    shown: Columns,
    background: Columns,
    maps: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """How far maps are from adding up to the difference of the scores."""

    def logits(columns: Columns) -> np.ndarray:
        return jm.predict(model, columns)["logits"]

    every = logits(shown)
    highest = every.argmax(1)
    rows = np.arange(len(highest))
    # The mean of the training images is what the network reads as zeros.
    mean = model.state["fitted"]["inputs"]["mean"]
    empty = {**shown, "image": np.broadcast_to(np.float32(mean), shown["image"].shape)}
    starts = {
        "integrated gradients": logits(empty)[rows, highest],
        "expected gradients": logits(background).mean(0)[highest],
    }
    return {
        f"{name}/completeness_error": explain.completeness_error(
            maps[name], every[rows, highest] - start
        ).error
        for name, start in starts.items()
    }


def draw(path: Path, model: jm.Model, shown: Columns, maps: np.ndarray) -> None:
    """Write a figure of the first images with the outlines of their attributions."""
    probabilities = jm.predict(model, shown)["probabilities"]
    classes = model.task.judge.classes.names
    titles = [f"{classes[row.argmax()]} {row.max():.2f}" for row in probabilities]
    figure = jm.plots.attribution_overlay(shown["image"] / 255, maps, titles=titles)
    figure.savefig(path)


def table(summary: Mapping[str, Summary]) -> str:
    """One line per method: the number of each test, and whether it passes the second."""
    names = list(dict.fromkeys(name.rpartition("/")[0] for name in summary if "/" in name))
    width = max(map(len, names))
    lines = [f"accuracy {summary['accuracy'].mean:.3f}", f"{'':{width}}  ins - del  randomized"]
    for name in names:
        area = summary[f"{name}/insertion_minus_deletion"].mean
        after = summary.get(f"{name}/randomized_correlation")
        said = ""
        if after is not None:
            said = f"{after.mean:10.3f}" + (
                "  fails" if not after.mean < MOST_CORRELATION else "  passes"
            )
        lines.append(f"{name:{width}}  {area:9.3f}  {said}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
