"""Rows sorted by a column: best first, undefined ones last, published ones in their place."""

from cadbench.results.rendering.table import Column, Spread, Table, text_column
from cadbench.results.tables.sorting import sort_tables

COLUMNS = (text_column("method"), Column("fm", 3, "lower"), Column("AUROC", 3, "higher"))
ROWS = (
    ("joint", None, Spread.of([0.9, 0.8])),
    ("mecad", 0.2, 0.7),
    ("pooled", 0.1, 0.95),
    ("quoted", 0.0, 0.99),
)


def test_marks_follow_their_rows() -> None:
    table = Table("t", COLUMNS, ROWS, quoted=1, unranked=(0,), close=(1,))
    for by, names, joint, mecad in (
        ("acc", "pooled joint mecad quoted", 1, 2),
        ("-AUROC", "mecad joint pooled quoted", 1, 0),
        ("fm", "pooled mecad joint quoted", 2, 1),
        ("-fm", "mecad pooled joint quoted", 2, 0),
        ("-method", "pooled mecad joint quoted", 2, 1),
    ):
        (found,) = sort_tables([table], by)
        assert " ".join(str(row[0]) for row in found.rows) == names
        assert (found.unranked, found.close) == ((joint,), (mecad,))
