"""Made-up data for the pages: small tables, images, texts, DICOM series and NIfTI volumes."""

import csv

import numpy as np

CLASSES = ("normal", "pneumonia")
_WORDS = {
    "none": ("tolerated", "stable", "recovered", "well"),
    "adverse": ("rash", "nausea", "bleeding", "fever"),
}


def write_files_named_in(text, folder):
    """Make each file or folder whose name stands in double quotes in the text of a page."""
    for name, write in _WRITERS.items():
        if f'"{name}"' in text:
            write(folder / name)


def write_patients(path, *, gaps=False):
    """60 patients with two visits each; the ill ones have higher creatinine and stay longer."""
    rng = np.random.default_rng(0)
    rows = []
    for patient in range(60):
        ill = patient % 2
        for _ in range(2):
            age = rng.integers(30, 80)
            creatinine = f"{rng.normal(1 + 0.8 * ill, 0.25):.2f}"
            days = f"{2 + 3 * ill + age / 40 + rng.normal(0, 0.5):.1f}"
            if gaps and rng.random() < 0.1:
                creatinine = ""
            diagnosis = "ill" if ill else "healthy"
            rows.append([f"p{patient:02}", age, creatinine, days, diagnosis])
    _write_csv(path, ["patient", "age", "creatinine", "days", "diagnosis"], rows)


def write_vital_signs(path):
    """60 stays of two days with a value every few hours; those that end badly grow worse."""
    rng = np.random.default_rng(0)
    rows = []
    for stay in range(60):
        ill = stay % 2
        for hours in np.sort(rng.uniform(0, 48, 12)).round(1):
            rate = 75 + 8 * ill + 0.6 * ill * hours + rng.normal(0, 8)
            rows.append([f"s{stay:02}", hours, "heart rate", f"{rate:.0f}"])
            if rng.random() < 0.3:
                lactate = rng.gamma(2, 0.6 + 0.5 * ill)
                rows.append([f"s{stay:02}", hours, "lactate", f"{0.2 + lactate:.1f}"])
    _write_csv(path, ["stay", "hours", "variable", "value"], rows)


def write_stay_outcomes(path):
    """What became of the 60 stays."""
    rows = [[f"s{stay:02}", ("survived", "died")[stay % 2]] for stay in range(60)]
    _write_csv(path, ["stay", "outcome"], rows)


def write_scans(path):
    """24 patients with two images each: dark noise, with a bright patch in pneumonia."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for patient in range(24):
        name = CLASSES[patient % 2]
        (path / name).mkdir(parents=True, exist_ok=True)
        for number in range(2):
            pixels = rng.integers(0, 60, (32, 30))
            if name == "pneumonia":
                top, left = rng.integers(4, 18, 2)
                pixels[top : top + 10, left : left + 10] += 150
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(path / name / f"p{patient:02}_{number}.png")


def write_reports(path):
    """120 short reports, of which every other one states an adverse event."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(120):
        label = ("none", "adverse")[number % 2]
        words = rng.choice(_WORDS[label], 2)
        filler = rng.choice(("patient", "after", "treatment", "dose", "was", "given"), 6)
        rows.append([" ".join([*filler[:3], words[0], *filler[3:], words[1]]), label])
    _write_csv(path, ["text", "label"], rows)


def write_dicom_studies(path):
    """Twenty CT series of ten patients, below `patient/series`; a bleed is a bright block."""
    rng = np.random.default_rng(0)
    for number in range(20):
        values = rng.normal(30, 5, (6, 24, 24))
        if number // 2 % 2:
            values[2:4, 8:16, 8:16] += 40
        _write_series(path / f"p{number // 2}" / f"{number}", values, f"P{number // 2}")


def write_study_labels(path):
    """The label of each of those series."""
    rows = [
        [f"p{number // 2}/{number}", ("none", "bleed")[number // 2 % 2]] for number in range(20)
    ]
    _write_csv(path, ["study", "diagnosis"], rows)


def write_nifti(path):
    """Four volumes of 2 mm, as `1.nii.gz` and so on; what is masked is brighter."""
    import nibabel

    rng = np.random.default_rng(0)
    path.mkdir(parents=True)
    for number in range(1, 5):
        values = rng.normal(100, 20, (20, 24, 16)).astype(np.float32)
        values[_masked(number)] += 60
        nibabel.save(nibabel.Nifti1Image(values, np.diag([2, 2, 2, 1])), path / f"{number}.nii.gz")


def write_nifti_labels(path):
    """The label and the patient of each of those volumes."""
    rows = [[number, ("control", "patient")[number % 2], f"p{number}"] for number in range(1, 5)]
    _write_csv(path, ["file", "group", "patient"], rows)


def write_nifti_masks(path):
    """The masks of those volumes: a block of the first class in each."""
    import nibabel

    path.mkdir(parents=True)
    for number in range(1, 5):
        values = np.zeros((20, 24, 16), np.uint8)
        values[_masked(number)] = 1
        nibabel.save(nibabel.Nifti1Image(values, np.diag([2, 2, 2, 1])), path / f"{number}.nii.gz")


def _masked(number):
    """Where the object of a volume lies."""
    return slice(4 + number, 10 + number), slice(6, 14), slice(5, 11)


def write_recordings(path):
    """Six patients with a minute each: narrow beats, and every third one early and broad."""
    import struct

    rng = np.random.default_rng(0)
    path.mkdir()
    rate, length = 250, 15_000
    for patient in range(6):
        seconds, places, symbols = 0.5, [], []
        while seconds < 59:
            places.append(round(seconds * rate))
            symbols.append("V" if len(symbols) % 3 == 2 else "N")
            early = len(symbols) % 3 == 2  # the next one
            seconds += 0.6 if early else 1.1 if symbols[-1] == "V" else 1.0
        time = np.arange(length)[:, None]
        width = np.where(np.array(symbols) == "V", 12, 4)
        waves = np.exp(-(((time - np.array(places)) / width) ** 2) / 2)
        leads = np.stack([-0.5 * waves.sum(1), waves.sum(1)], axis=1)
        leads = leads + 0.03 * rng.normal(size=leads.shape)
        steps = np.rint(1000 * leads).astype("<i2")
        name = f"p{patient:02}"
        (path / f"{name}.dat").write_bytes(steps.tobytes())
        lines = [
            f"{name}.dat 16 1000 16 0 {column[0]} {column.sum(dtype=np.int64) % 65536} 0 {lead}"
            for lead, column in zip(("V1", "MLII"), steps.T, strict=True)
        ]
        (path / f"{name}.hea").write_text("\n".join([f"{name} 2 {rate} {length}", *lines, ""]))
        codes = {"N": 1, "V": 5}
        words = [
            struct.pack("<H", codes[symbol] << 10 | step)
            for symbol, step in zip(symbols, np.diff(places, prepend=0).tolist(), strict=True)
        ]
        (path / f"{name}.atr").write_bytes(b"".join([*words, b"\0\0"]))


def write_publisher(path):
    """The file of a publisher, always with the same bytes."""
    path.mkdir()
    lines = ["id,rate,age,split,label"]
    for row in range(10):
        split = "train" if row < 6 else "test"
        lines.append(f"{row},{60 + 9 * row},{30 + row},{split},{row % 2}")
    (path / "heart_rates.csv").write_bytes(("\n".join(lines) + "\n").encode())


def _write_csv(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def _write_series(folder, values, patient):
    """One file per slice, 5 mm apart, in Hounsfield units."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    for number, pixels in enumerate(values):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image = FileDataset(None, {}, preamble=b"\0" * 128, file_meta=meta)
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.PatientID, image.Modality = patient, "CT"
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.PixelRepresentation, image.BitsAllocated, image.BitsStored = 1, 16, 16
        image.HighBit = 15
        image.RescaleSlope, image.RescaleIntercept = 1, 0
        image.Rows, image.Columns = pixels.shape
        image.PixelSpacing = [1, 1]
        image.ImagePositionPatient = [0, 0, 5 * number]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelData = np.rint(pixels).astype("<i2").tobytes()
        image.save_as(folder / f"{number:03}.dcm", enforce_file_format=True)


_WRITERS = {
    "recordings": write_recordings,
    "patients.csv": write_patients,
    "patients_with_gaps.csv": lambda path: write_patients(path, gaps=True),
    "vital_signs.csv": write_vital_signs,
    "outcomes.csv": write_stay_outcomes,
    "scans": write_scans,
    "reports.csv": write_reports,
    "studies": write_dicom_studies,
    "labels.csv": write_study_labels,
    "volumes": write_nifti,
    "masks": write_nifti_masks,
    "volumes.csv": write_nifti_labels,
    "publisher": write_publisher,
}
