"""`cadbench audit`: a part of a record is computed again from the data and compared."""
