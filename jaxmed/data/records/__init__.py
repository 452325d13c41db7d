"""Records of patients: events at irregular times, as padded lists, grids of bins, and summaries.

- `from_event_columns`, `from_event_csv`: a long table (stay, time, variable, value), checked.
- `event_lists`: up to the prediction time, one padded list per stay, like texts.
- `event_bins`: the means of bins of time, with the time since the last value.
- `event_summary`: minimum, maximum, mean and others per variable, one row per stay.
- `with_logarithms`: log(1 + value) of skewed variables.
- `with_merged`: one variable for what is measured in two ways.
- `Variable`: name, unit and plausible range of a variable.

    found = records.from_event_csv("vitals.csv", variables=variables, stays=stays)
    columns = records.event_lists(found, until=48.0)
    columns |= records.event_bins(columns, variables=len(variables), until=48.0, bins=48)
"""

from jaxmed.data.records.event_table import from_event_csv
from jaxmed.data.records.events import Events, from_event_columns
from jaxmed.data.records.logarithms import with_logarithms
from jaxmed.data.records.merged_variables import with_merged
from jaxmed.data.records.padded_lists import LISTS, event_lists
from jaxmed.data.records.statistics_of_stays import event_summary, summary_names
from jaxmed.data.records.time_bins import event_bins
from jaxmed.data.records.variables import Variable

__all__ = [
    "LISTS",
    "Events",
    "Variable",
    "event_bins",
    "event_lists",
    "event_summary",
    "from_event_columns",
    "from_event_csv",
    "summary_names",
    "with_logarithms",
    "with_merged",
]
