"""Every experiment and every command as a process: its help, and a few steps on noise.

An experiment that `tests/experiments/` runs from its settings to its result is not run here again:
here its options have to become those settings.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import small_data
import written_predictions
from sklearn.metrics import roc_auc_score

from jaxmed.cli.main import COMMANDS
from jaxmed.experiment import results

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SCRIPTS = [
    path
    for path in sorted((ROOT / "experiments").rglob("*.py"))
    if 'if __name__ == "__main__"' in path.read_text()
]
TEXTS = ["ade_corpus", "nicta_piboso", "ohsumed"]
SHORT = ["--epochs", "1", "--length", "8"]
FEW_STEPS = {
    "start/mnist_mlp": (["mnist"], ["--epochs", "1", "--seeds", "0", "1"]),
    "start/mnist_mlp, best": (["mnist"], ["--epochs", "1", "--recipe", "best"]),
    "start/mnist_cnn": (["mnist"], ["--epochs", "1"]),
    "start/mnist_cnn, best": (["mnist"], ["--epochs", "1", "--recipe", "best"]),
    "start/imdb_lstm": (["imdb"], [*SHORT, "--held-out", "0.2"]),
    "federated/federated_mnist": (
        ["mnist"],
        [
            *("--partition", "classes", "--clients", "5", "--rounds", "2", "--batch-size", "4"),
            *("--shift", "0", "--algorithm", "fed_prox"),
        ],
    ),
    "images/medmnist_best": (
        ["pneumoniamnist"],
        [
            *("--members", "2", "--widths", "4", "4", "--steps", "2", "--batch-size", "8"),
            *("--min-epochs", "1"),
        ],
    ),
    "images/rare_classes": (
        ["retinamnist"],
        ["--seeds", "0", "--widths", "4", "--steps", "2", "--batch-size", "8"],
    ),
    "benchmarks/survival_speed": ([], ["--epochs", "1", "--rounds", "1"]),
    "records/survival": (
        ["flchain"],
        ["--dataset", "flchain", "--members", "2", "--epochs", "1", "--widths", "4"],
    ),
    "records/causes_of_death": (
        ["flchain"],
        ["--members", "2", "--epochs", "1", "--widths", "4", "--intervals", "6"],
    ),
    "records/icu_mortality": (
        ["physionet2012"],
        ["--members", "2", "--bins", "4", "--units", "4", "--hidden", "4", "--steps", "2"],
    ),
    "records/icu_mortality, again": (
        ["physionet2012"],
        ["--refit", "--recipe", "gru_d", "--members", "1", "--bins", "4", "--steps", "20"],
    ),
    "segmentation/hippocampus_unet": (
        ["hippocampus"],
        ["--widths", "2", "4", "--steps", "2", "--batch-size", "2", "--check-every", "2"],
    ),
    "segmentation/lungs_unet": (
        ["montgomery_lungs"],
        ["--widths", "2", "4", "--steps", "2", "--batch-size", "2", "--check-every", "2"],
    ),
    "segmentation/nuclei_unet": (
        ["dsb2018_nuclei"],
        [
            *("--widths", "2", "4", "--steps", "2", "--batch-size", "2", "--check-every", "2"),
            *("--patch", "64"),
        ],
    ),
    "signals/ecg5000": (
        ["ecg5000"],
        [
            *("--members", "2", "--widths", "4", "4", "--steps", "2", "--batch-size", "8"),
            *("--features", "84"),
        ],
    ),
    "signals/mitbih_beats": (
        ["mitbih_beats"],
        [
            *("--members", "2", "--widths", "4", "--epochs", "1", "--batch-size", "8"),
            *("--trees", "2"),
        ],
    ),
    "trust/attribution_tests": (
        ["pneumoniamnist"],
        [
            *("--seeds", "0", "--widths", "4", "4", "--epochs", "1", "--batch-size", "8"),
            *("--images", "3", "--background", "2", "--steps", "2", "--masks", "2"),
            *("--curve-steps", "2"),
        ],
    ),
    "privacy/private_images": (
        ["breastmnist"],
        ["--dataset", "breastmnist", "--epsilon", "8", "--batch-size", "8", "--epochs", "1"],
    ),
    "texts/adverse_event_lstm": (TEXTS, SHORT),
    "texts/abstract_sections": (
        TEXTS,
        [*SHORT, "--variant", "chain", "--units", "4", "--sentences", "4"],
    ),
    "texts/disease_topics": (TEXTS, ["--epochs", "2", "--max-terms", "40"]),
    "trust/trust_breast_cancer": (
        [],
        ["--members", "2", "--widths", "4", "--epochs", "1", "--resamples", "20"],
    ),
    "trust/trust_pneumonia": (
        ["breastmnist", "pneumoniamnist"],
        [
            *("--members", "2", "--widths", "4", "4", "--steps", "2", "--batch-size", "8"),
            *("--images", "3", "--coverage", "0.5", "--resamples", "20"),
        ],
    ),
    "trust/uncertainty": (
        ["breastmnist", "pneumoniamnist"],
        [
            *("--datasets", "breastmnist", "pneumoniamnist", "--members", "2", "--widths", "4"),
            *("--samples", "2", "--steps", "2", "--batch-size", "8", "--network", "perceptron"),
        ],
    ),
    "trust/conformal_coverage": (
        ["pneumoniamnist"],
        [
            *("--datasets", "pneumoniamnist", "breast_cancer_wisconsin", "--levels", "0.6"),
            *("--resplits", "20", "--widths", "4", "--steps", "2", "--batch-size", "8"),
        ],
    ),
    "benchmarks/attribution": (
        [],
        [
            *("--data", "made_up", "--images", "4", "--steps", "2", "--batch-size", "4"),
            *("--widths", "2", "2", "--epochs", "1", "--rounds", "1"),
        ],
    ),
    "benchmarks/scale": ([], ["--rows", "30", "60", "--resamples", "2"]),
    "benchmarks/scaling": ([], []),
    "benchmarks/streaming": (
        [],
        [
            *("--images", "40", "--side", "72", "--batch-size", "8", "--rounds", "1"),
            *("--workers", "1", "--contenders", "jaxmed"),
        ],
    ),
}
"""By script: the data sets that it reads, and options."""
OPTIONS = {
    "start/tables": {"dataset": "nhefs", "members": 2, "epochs": 3},
    "start/sweep_mnist": {"configurations": 3, "epochs": [1, 2], "widths": [8], "shapes": 2},
    "images/chest_anomaly": {"seeds": [3], "stages": [4], "transformation_steps": 2},
    "images/few_labels": {"dataset": "breastmnist", "shares": [0.5], "pretraining_steps": 2},
    "images/image_autoencoder": {"kind": "denoising", "evaluate_on": "validation", "latent": 4},
    "images/medmnist_protocol": {"dataset": "breastmnist", "quick": True, "svm": False},
    "molecules/moleculenet": {"dataset": "clintox", "members": 2, "message_steps": 2, "forest": 5},
    "treatment/ihdp": {"score": "drawn", "network": "dragonnet", "replications": 2, "steps": 2},
    "benchmarks/members": {"what": "sweep", "members": [1, 2], "rounds": 3},
}
"""By script whose experiment `tests/experiments/` calls with such settings: a few of them."""


def run(*command, timeout=120):
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


HELP = """
import contextlib, io, json, pathlib, runpy, sys, traceback

found = {}
for script in sys.argv[1:]:
    sys.argv = [script, "--help"]
    sys.path[0] = str(pathlib.Path(script).parent)
    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown):
            runpy.run_path(script, run_name="__main__")
        found[script] = "no help, but a run"
    except SystemExit as end:
        found[script] = shown.getvalue() if not end.code else f"status {end.code}"
    except BaseException:
        found[script] = traceback.format_exc()
print(json.dumps(found))
"""


READ = """
import dataclasses, json, pathlib, runpy, sys
import jaxmed.experiment

def show(experiment, settings, *, profiling):
    name = f"{experiment.__code__.co_filename}:{experiment.__name__}"
    print(json.dumps([name, profiling, dataclasses.asdict(settings)], default=str))

sys.modules["jaxmed.experiment.main"]._run = show
for script, *options in json.loads(sys.argv[1]):
    sys.argv = [script, *options]
    sys.path[0] = str(pathlib.Path(script).parent)
    runpy.run_path(script, run_name="__main__")
"""


def test_options_reach_the_experiments_that_have_tests_of_their_own(tmp_path):
    """In one process; what the experiments do with their settings is tested where they are."""
    commands = [
        [
            str(ROOT / "experiments" / f"{name}.py"),
            *(part for option, value in given.items() for part in as_options(option, value)),
            *("--runs", str(tmp_path)),
        ]
        for name, given in OPTIONS.items()
    ]
    lines = run("-c", READ, json.dumps(commands), timeout=300).splitlines()
    for (script, *_), given, line in zip(commands, OPTIONS.values(), lines, strict=True):
        name, profiling, settings = json.loads(line)
        assert name == f"{script}:experiment"
        assert not profiling
        for option, value in {**given, "runs": str(tmp_path)}.items():
            assert settings[option] == value, f"{script}: {option}"


def as_options(name, value):
    """A setting as it stands in a command line."""
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", *map(str, value if isinstance(value, list) else [value])]


def test_help_of_every_experiment():
    """In one process, which imports JAX once; a few steps of each have a process of their own."""
    shown = json.loads(run("-c", HELP, *SCRIPTS, timeout=300))
    assert len(shown) == len(SCRIPTS) > 15
    for script, text in shown.items():
        assert "--help" in text, f"{script}: {text}"
        assert "usage: " in text, f"{script}: {text}"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command(command):
    shown = run("-m", "jaxmed.cli", *command.split(), "--help")
    assert "--help" in shown
    assert all(name in shown for name in ([command] if command else COMMANDS))


def test_breast_cancer_mlp(tmp_path):
    places = ["--data-dir", tmp_path / "data", "--runs", tmp_path / "runs"]
    script = ROOT / "experiments" / "start" / "breast_cancer_mlp.py"
    shown = run(script, "--folds", "2", "--epochs", "3", "--widths", "8", *places, timeout=300)
    (root,) = (tmp_path / "runs").iterdir()
    assert str(root / "result.json") in shown
    result = written_predictions.expect_run(root, rows=569, trained=False)
    assert result.command == (
        "python experiments/start/breast_cancer_mlp.py --folds 2 --epochs 3 --widths 8"
    )
    # The folds partition the patients, and the mean over them lies near the AUROC of all.
    label, probabilities = written_predictions.read(root / "seed-0")
    folds = result.metrics["auroc_of_folds"]
    assert len(folds.values) == 2
    assert folds.mean == pytest.approx(roc_auc_score(label, probabilities[:, 1]), abs=0.05)


def test_breast_cancer_mlp_cannot_be_resumed(tmp_path):
    script = ROOT / "experiments" / "start" / "breast_cancer_mlp.py"
    done = subprocess.run(
        [sys.executable, script, "--resume", tmp_path], capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    assert "but folds keep no checkpoints: leave it out" in done.stderr


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Prepares data sets where all scripts look for them; returns that folder."""
    folder = tmp_path_factory.mktemp("prepared")

    def prepare(names):
        for name in names:
            small_data.prepare(name, folder)
        return folder

    return prepare


@pytest.mark.parametrize("experiment", FEW_STEPS)
def test_a_few_steps(experiment, prepared, tmp_path):
    names, options = FEW_STEPS[experiment]
    places = ["--data-dir", prepared(names)] if names else []
    script = ROOT / "experiments" / f"{experiment.partition(',')[0]}.py"
    shown = run(script, *options, *places, "--runs", tmp_path, timeout=300)
    (written,) = tmp_path.rglob("result.json")
    assert str(written) in shown
    result = results.read_result(written)
    assert result.metrics
    if experiment.startswith(("start", "texts")):
        rows = small_data.IMAGES if "mnist" in experiment else small_data.TEXTS
        written_predictions.expect_run(written.parent, rows=rows)


def test_every_experiment_runs_a_few_steps_here_or_in_its_own_test():
    here = {f"{name.partition(',')[0]}.py" for name in FEW_STEPS}
    called = {f"{name}.py" for name in OPTIONS}
    own = {"start/breast_cancer_mlp.py", "texts/text_pretraining.py", "benchmarks/speed/speed.py"}
    scripts = {str(path.relative_to(ROOT / "experiments")) for path in SCRIPTS}
    for script in called:  # in a test of its name or that of its folder
        module = script.removesuffix(".py").replace("/", ".")
        tests = [path.read_text() for path in (ROOT / "tests" / "experiments").glob("*.py")]
        assert any(module.rpartition(".")[2] in text and ".experiment(" in text for text in tests)
    assert len(here) + len(own) + len(called) == len(here | own | called)
    assert here | own | called == scripts


def test_pretraining_is_read_by_another_experiment(prepared, tmp_path):
    places = ["--data-dir", prepared(TEXTS)]
    folder, texts = tmp_path / "pretrained", ROOT / "experiments" / "texts"
    shown = run(texts / "text_pretraining.py", *SHORT, *places, "--runs", folder)
    assert "words" in shown
    assert results.read_result(folder / "result.json").metrics["loss"].mean > 0
    shown = run(
        texts / "adverse_event_lstm.py", "--recipe", "best", *SHORT, *places, "--members", "2",
        "--pretraining.length", "8", "--pretraining.runs", folder, "--runs", tmp_path / "runs",
        timeout=300,
    )  # fmt: skip
    assert "pretraining first" not in shown
    (written,) = (tmp_path / "runs").rglob("result.json")
    result = written_predictions.expect_run(written.parent, rows=small_data.TEXTS)
    assert sum(name.startswith("TF-IDF") for name in result.metrics) == 5
    seed = written.parent / "seed-0"
    said = run("-m", "jaxmed.cli", "predict", seed, "--text", "the drug caused a rash")
    assert "adverse event" in said
