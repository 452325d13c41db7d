"""What identifies a patient stays in the folder of studies."""

import dataclasses

import jax
import numpy as np
import optax
import pydicom
import pytest
import written_dicom as written
import written_studies as studies
from written_studies import CLASSES, SHAPE, WINDOW

from jaxmed import tasks
from jaxmed.data import columns, from_studies, inputs
from jaxmed.evaluation.evaluate import evaluate, write_predictions
from jaxmed.evaluation.report import write_report
from jaxmed.models import MLP
from jaxmed.runs import record
from jaxmed.training.fit import fit

pytestmark = pytest.mark.slow  # trains, evaluates and reports

RNG = np.random.default_rng(0)


@dataclasses.dataclass(frozen=True)
class _Settings:
    epochs: int = 2
    seed: int = 0


def test_a_run_directory_holds_nothing_that_identifies_a_patient(tmp_path):
    """Names, numbers, birth dates and UIDs are searched for in every byte that a run wrote."""
    path, run = tmp_path / "studies", tmp_path / "run"
    secrets = {"19310507"}
    rows = []
    for number in range(8):
        patient = f"MRN-77{number}31"
        folder = path / f"Okonkwo_Adaeze_{number}"
        files = written.write_series(
            folder, RNG.integers(-300, 400, SHAPE) + 300 * (number % 2), patient=patient, study="s"
        )
        rows.append((folder.name, CLASSES[number % 2], "-"))
        header = pydicom.dcmread(files[0])
        secrets |= {patient, str(header.PatientName), folder.name, str(folder)}
        secrets |= {str(header[f"{kind}InstanceUID"].value) for kind in ("Study", "Series", "SOP")}
    assert any(b"MRN-77031" in file.read_bytes() for file in path.rglob("*.dcm"))

    source = from_studies(
        path, shape=SHAPE, window=WINDOW, labels=studies.write_labels(tmp_path / "l.csv", rows)
    )
    data = columns(source)
    assert {key: column.dtype.kind for key, column in data.items()} == {
        "image": "u",
        "label": "i",
        "group": "i",
        "id": "i",
    }
    task = tasks.binary_classification(
        MLP(widths=(4,), outputs=1), inputs=inputs.pixels(data["image"])
    )
    settings = _Settings()
    record.describe_run(run, settings)
    trained = fit(
        task,
        optax.adam(1e-2),
        data,
        key=jax.random.key(settings.seed),
        batch_size=4,
        epochs=settings.epochs,
        directory=run,
    )
    result = evaluate(task, trained.params, trained.model_state, data, resamples=20)
    write_predictions(run / "predictions.csv", result.predictions, class_names=CLASSES)
    write_report(
        run,
        title="Studies",
        history=trained.history,
        best_epoch=trained.best_epoch,
        predictions=result.predictions,
        metrics=result.metrics,
        class_names=CLASSES,
        settings=settings,
        environment=record.environment(),
    )
    written_files = [file for file in run.rglob("*") if file.is_file()]
    assert {"metrics.jsonl", "predictions.csv", "config.json"} <= {f.name for f in written_files}
    assert any("checkpoints" in file.parts for file in written_files)
    everything = b"\n".join(file.read_bytes() for file in written_files)
    everything += "\n".join(map(str, written_files)).encode()
    found = [secret for secret in secrets if secret.lower().encode() in everything.lower()]
    assert not found
