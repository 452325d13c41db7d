"""Tables as they are: words, gaps and dates in columns by name, in any order.

- `read_table`: a CSV or TSV file, every cell as text.
- `schema_of`: how its columns become numbers, counted from the training rows.
- `Schema`: reads other tables in the same way; an exported model keeps it.
- `inputs`: what a network reads of these numbers.

    raw = tables.read_table("patients.csv")
    schema = tables.schema_of(raw, leave_out=["diagnosis"])
    features = schema.encode(raw)
"""

from jaxmed.data.tables.columns import Column
from jaxmed.data.tables.counted import schema_of
from jaxmed.data.tables.raw import RawTable, read_table
from jaxmed.data.tables.schema import Schema

__all__ = ["Column", "RawTable", "Schema", "read_table", "schema_of"]
