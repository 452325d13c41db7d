"""How fast are images read that do not fit into memory, beside tf.data and PyTorch's DataLoader?

Makes JPEGs in a folder of its own, which is removed afterwards. Each contender goes through all of
them, shuffled and in batches, decoding with as many workers as there are cores. Each has its own
process and they take turns, a slice of the images at a time. Every image contains its number in its
pixels: who loses one, or gives one twice, is named. The rate is that after the first batch; "start"
is the time until that, in which workers are started. Also shown is the memory of the process and
its workers, at the end of the first and of the last slice.

    python experiments/benchmarks/streaming.py
    python experiments/benchmarks/streaming.py --images 20000 --contenders jaxmed

Peers are installed with `pip install -e '.[peers]'`. Hardware, time and score: see
experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from jaxmed import checks

Batches: TypeAlias = Iterator[np.ndarray]
"""Images [batch, side, side, 1] uint8."""
BITS = 18
"""Bits of an image's number, one black or white stripe each."""
MEASURED = (
    "images_per_second", "lowest", "highest", "start_seconds", "first_slice", "last_slice"
)  # fmt: skip
"""Metrics of the result, per contender; memory in MiB."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the benchmark."""

    images: int = 200_000
    """JPEGs that are made."""
    side: int = 128
    """Height and width of each image, in pixels."""
    batch_size: int = 256
    """Images per batch."""
    rounds: int = 10
    """Slices of the images, read in turns."""
    workers: int = os.cpu_count() or 2
    """Processes, or for tf.data threads, that decode."""
    contenders: tuple[str, ...] = ("jaxmed", "tf.data", "torch")
    """Who takes part; those that are not installed are named and left out."""
    runs: Path = Path("runs/streaming")
    """The folder in which a new folder is made for this run."""


def jaxmed_reads(paths: Sequence[str], settings: Settings) -> Batches:
    """`stream` over a folder's source."""
    from jaxmed.data import stream
    from jaxmed.data.readers import image_folder

    label = np.zeros(len(paths), np.int32)
    source = image_folder.ImageFolder(tuple(map(Path, paths)), label, ("all",), 1, None)
    order = np.random.default_rng(0).permutation(len(paths)).astype(np.int32)
    rows = np.pad(order, (0, -len(order) % settings.batch_size), constant_values=-1)
    lines = rows.reshape(-1, settings.batch_size)
    for batch in stream.stream(source, lines, workers=settings.workers):
        yield batch["image"][: int(batch["mask"].sum())]  # padding comes last


def tensorflow_reads(paths: Sequence[str], settings: Settings) -> Batches:
    """The pipeline of TensorFlow's guide: list, shuffle, read and decode in parallel, prefetch."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(settings.workers)
    listed = tf.data.Dataset.from_tensor_slices(list(paths)).shuffle(len(paths), seed=0)
    decoded = listed.map(
        lambda path: tf.io.decode_jpeg(tf.io.read_file(path), channels=1), tf.data.AUTOTUNE
    )
    batched = decoded.batch(settings.batch_size).prefetch(tf.data.AUTOTUNE)
    yield from batched.as_numpy_iterator()


@dataclasses.dataclass(frozen=True)
class Files:
    """A PyTorch data set of JPEGs, decoded by Pillow, as its examples do."""

    paths: Sequence[str]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        import torch
        from PIL import Image

        with Image.open(self.paths[index]) as stored:
            return torch.from_numpy(np.array(stored)[..., None])


def torch_reads(paths: Sequence[str], settings: Settings) -> Batches:
    """`DataLoader` with as many worker processes."""
    import torch

    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(
        Files(paths), settings.batch_size, shuffle=True, num_workers=settings.workers
    )
    for batch in loader:
        yield batch.numpy()


CONTENDERS: dict[str, tuple[str, Callable[[Sequence[str], Settings], Batches]]] = {
    "jaxmed": ("simplejpeg", jaxmed_reads),
    "tf.data": ("tensorflow", tensorflow_reads),
    "torch": ("torch", torch_reads),
}


def picture(number: int, side: int, noise: np.ndarray) -> np.ndarray:
    """A smooth picture whose lower half says its number in stripes, which survive compression."""
    found = np.roll(noise, number * 7919, axis=(0, 1)).copy()
    stripes = np.array([255 * (number >> bit & 1) for bit in range(BITS)], np.uint8)
    found[side // 2 :] = stripes[np.arange(side) * BITS // side]
    return found


def numbers(images: np.ndarray) -> np.ndarray:
    """What the stripes of each image [batch, side, side, 1] say."""
    side = images.shape[2]
    middle = (2 * np.arange(BITS) + 1) * side // (2 * BITS)
    bits = images[:, 3 * side // 4, middle, 0] > 127
    return (bits << np.arange(BITS)).sum(1)


def make(folder: Path, settings: Settings) -> list[str]:
    """Write the JPEGs, a thousand per subfolder."""
    from PIL import Image, ImageFilter

    random = np.random.default_rng(0)
    rough = random.integers(0, 256, (settings.side, settings.side), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(rough).filter(ImageFilter.GaussianBlur(2)))
    paths = []
    for number in range(settings.images):
        inside = folder / f"{number // 1000:03d}"
        if number % 1000 == 0:
            inside.mkdir()
        path = inside / f"{number:06d}.jpg"
        Image.fromarray(picture(number, settings.side, smooth)).save(path, quality=90)
        paths.append(str(path))
    return paths


def memory() -> float:
    """Bytes of this process and its children, shared pages divided among those that share them."""
    own, total = os.getpid(), 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or not descends(int(entry.name), own):
            continue
        try:
            lines = (entry / "smaps_rollup").read_text().splitlines()
        except OSError:  # it has ended since
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024.0


def descends(process: int, ancestor: int) -> bool:
    """Whether a process is the other one, or a child of it, and so on."""
    while process > 1 and process != ancestor:
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            return False
        process = int(stat.rpartition(")")[2].split()[1])
    return process == ancestor


def contend(connection: Connection, settings: Settings, name: str) -> None:
    """A contender's process: read a slice whenever asked to, and send what came."""
    _, read = CONTENDERS[name]
    while (paths := connection.recv()) is not None:
        started = time.perf_counter()
        seen, held, apart = [], 0.0, 0.0
        for images in read(paths, settings):
            if not seen:
                first = time.perf_counter()
            seen.append(numbers(images))
            if len(seen) == len(paths) // settings.batch_size:  # nothing is left to be read ahead
                paused = time.perf_counter()
                held = memory()
                apart = time.perf_counter() - paused
        rate = sum(map(len, seen[1:])) / (time.perf_counter() - first - apart)
        connection.send((rate, first - started, held, np.concatenate(seen)))


def experiment(settings: Settings) -> dict[str, list[float]]:
    """Make the images, take turns, print a table; images per second by contender are returned."""
    # Imported here, because each contender's process imports this file too.
    from jaxmed.experiment import results
    from jaxmed.runs import record

    for name in settings.contenders:
        checks.known("contenders", name, CONTENDERS)
    checks.at_least("images", settings.images, settings.rounds * settings.batch_size)
    checks.at_least("side", settings.side, 4 * BITS)
    if settings.images > 2**BITS:
        raise ValueError(f"images is {settings.images}, but at most {2**BITS} can be numbered.")
    names = [n for n in settings.contenders if importlib.util.find_spec(CONTENDERS[n][0])]
    context = multiprocessing.get_context("spawn")
    rates: dict[str, list[float]] = {name: [] for name in names}
    starts: dict[str, list[float]] = {name: [] for name in names}
    held: dict[str, list[float]] = {name: [] for name in names}
    faults: dict[str, list[str]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="jaxmed-streaming-") as folder:
        started = time.perf_counter()
        paths = make(Path(folder), settings)
        print(f"{len(paths):,} images made, {time.perf_counter() - started:.0f} s", file=sys.stderr)
        pipes = {}
        for name in names:
            pipes[name], theirs = context.Pipe()
            context.Process(target=contend, args=(theirs, settings, name)).start()
        slices = np.array_split(np.arange(settings.images), settings.rounds)
        for turn, rows in enumerate(slices):
            for name in names:
                pipes[name].send([paths[row] for row in rows])
                rate, start, bytes_held, seen = pipes[name].recv()
                rates[name].append(rate)
                starts[name].append(start)
                held[name].append(bytes_held)
                if not np.array_equal(np.sort(seen), rows):
                    faults[name].append(f"slice {turn + 1}")
            print(f"round {turn + 1} of {settings.rounds}", file=sys.stderr)
        for pipe in pipes.values():
            pipe.send(None)
    values: dict[str, list[float]] = {}
    print(f"{settings.images:,} JPEGs of {settings.side} pixels, {settings.workers} workers")
    heads = ("images/s", "lowest", "highest", "jaxmed", "start", "  memory, first and last")
    print(f"{'':>10}" + "".join(f"{head:>11}" for head in heads))
    for name, seen in rates.items():
        pairs = zip(rates.get("jaxmed", seen), seen, strict=True)
        faster = statistics.median(ours / theirs for ours, theirs in pairs)
        start = statistics.median(starts[name])
        first, last = held[name][0] / 2**20, held[name][-1] / 2**20
        middle = (statistics.median(seen), min(seen), max(seen))
        cells = "".join(f"{number:>11,.0f}" for number in middle)
        memories = f"{first:>13,.0f} {last:,.0f} MiB"
        numbers_of = (*middle, start, first, last)
        values |= {
            f"{name}/{metric}": [value] for metric, value in zip(MEASURED, numbers_of, strict=True)
        }
        print(f"{name:>10}{cells}{faster:>9.2f} x{start:>9.1f} s{memories}")
        if faults[name]:
            print(f"{name} lost or doubled images in {', '.join(faults[name])}")
    absent = [name for name in settings.contenders if name not in names]
    if absent:
        print(f"not installed: {', '.join(absent)}")
    result = results.from_runs(
        values,
        question="How fast are images read that do not fit into memory?",
        data=f"{settings.images:,} JPEGs of {settings.side} pixels",
        recipe=f"batch {settings.batch_size}, {settings.workers} workers",
        script=__file__,
        settings=settings,
        seeds=(),
        seconds=(),
        headline=[f"{name}/images_per_second" for name in names],
        note="Memory in MiB. "
        + ("; ".join(f"{name} lost or doubled images" for name in names if faults[name]) or
           "No contender lost an image or gave one twice."),
    )  # fmt: skip
    folder = record.new_run(settings.runs)
    versions = {**result.versions, **versions_of(names)}
    dataclasses.replace(result, versions=versions).write(folder / "result.json")
    print(f"results: {folder / 'result.json'}")
    return rates


def versions_of(names: Sequence[str]) -> dict[str, str]:
    """Versions of the packages that the contenders read with."""
    providers = importlib.metadata.packages_distributions()
    modules = [CONTENDERS[name][0] for name in names]
    return {name: importlib.metadata.version(providers[name][0]) for name in modules}


if __name__ == "__main__":
    from jaxmed.experiment import main

    main(experiment, Settings, __doc__)
