"""All tables as one, by the public name of the function."""

from __future__ import annotations

from bad_calls import (
    of_attributions,
    of_calibration,
    of_changes,
    of_conformal,
    of_data,
    of_decisions,
    of_faithfulness,
    of_label_maps,
    of_models,
    of_molecules,
    of_numbers,
    of_privacy,
    of_records,
    of_report,
    of_results,
    of_runs,
    of_segmentation,
    of_signals,
    of_survival,
    of_survival_models,
    of_tasks,
    of_uncertainty,
)
from bad_calls.call import Call

CALLS: dict[str, Call] = {
    **of_numbers.CALLS,
    **of_segmentation.CALLS,
    **of_models.CALLS,
    **of_changes.CALLS,
    **of_tasks.CALLS,
    **of_results.CALLS,
    **of_calibration.CALLS,
    **of_runs.CALLS,
    **of_report.CALLS,
    **of_data.CALLS,
    **of_uncertainty.CALLS,
    **of_conformal.CALLS,
    **of_attributions.CALLS,
    **of_faithfulness.CALLS,
    **of_decisions.CALLS,
    **of_label_maps.CALLS,
    **of_survival.CALLS,
    **of_records.CALLS,
    **of_molecules.CALLS,
    **of_signals.CALLS,
    **of_survival_models.CALLS,
    **of_privacy.CALLS,
}
