"""Contract suites for plugins: call them from the tests of your package. They raise AssertionError."""

from penna.testing.deadlines import CountdownDeadline
from penna.testing.families import check_family
from penna.testing.strategies import check_strategy
from penna.testing.tables import classes_table, numbers_table

__all__ = ["CountdownDeadline", "check_family", "check_strategy", "classes_table", "numbers_table"]
