"""One page about a model that a clinician can read.

`assess` writes what the page needs into a run's folder; `write_page` makes the page from the folder
alone, so that it can be made again when the code and the data are gone.
"""

from jaxmed.report.assessment import assess
from jaxmed.report.facts import DataFacts, Purpose, data_facts
from jaxmed.report.page import write_page

__all__ = ["DataFacts", "Purpose", "assess", "data_facts", "write_page"]
