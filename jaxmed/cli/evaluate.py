"""`jaxmed evaluate`."""

from __future__ import annotations

from pathlib import Path


def evaluate(
    run: Path, data: Path, /, *, patient: str | None = None, output: Path | None = None
) -> None:
    """Measure a finished run on new labeled data: every statistic with an interval.

    It is for you to know that the data is new: that no patient of it was trained on.

    Args:
        run: the folder of a run that `jaxmed train` wrote.
        data: a table with the columns that the model reads and the label; or a folder with one
            sub-folder of images per class.
        patient: the column of a table that names the patient, who is then what intervals resample.
        output: a folder for `report.html` and `predictions.csv`; by default nothing is written.
    """
    from jaxmed.recipes import evaluate_run
    from jaxmed.recipes.finished import check_new

    if output is not None:
        check_new("output", output)
    evaluation = evaluate_run(run, data, patient=patient)
    print(evaluation)
    if output is not None:
        print(f"page: {evaluation.report(output, title=f'{run.name} on {data.name}')}")
