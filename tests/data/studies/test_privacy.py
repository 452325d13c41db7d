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

import jaxmed
from jaxmed import models, tasks
from jaxmed.data import columns, from_studies, inputs

pytestmark = pytest.mark.slow  # trains, evaluates and reports

RNG = np.random.default_rng(0)


@dataclasses.dataclass(frozen=True)
class _Settings:
    learning_rate: float = 1e-2


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
        models.MLP(widths=(4,), outputs=1), inputs=inputs.pixels(), classes=CLASSES
    )
    trained = jaxmed.fit(
        task,
        optax.adam(1e-2),
        source,
        key=jax.random.key(0),
        batch_size=4,
        epochs=2,
        validation=jaxmed.Validation(source, monitor=jaxmed.lowest("log_loss")),
        run=jaxmed.Run(run, progress=False, settings=_Settings()),
    )
    jaxmed.evaluate(trained.model, source, resamples=20).report(run / "test")
    jaxmed.export(trained.model, run / "test", data)
    written_files = [file for file in run.rglob("*") if file.is_file()]
    names = {"metrics.jsonl", "predictions.csv", "config.json", "environment.json", "report.html"}
    assert names <= {file.name for file in written_files}
    assert any("model" in file.parts for file in written_files)
    assert any("checkpoints" in file.parts for file in written_files)
    everything = b"\n".join(file.read_bytes() for file in written_files)
    everything += "\n".join(map(str, written_files)).encode()
    found = [secret for secret in secrets if secret.lower().encode() in everything.lower()]
    assert not found
