"""Contract suites for plugins: call them from the tests of your package. They raise AssertionError."""

from penna.testing.deadlines import CountdownDeadline, make_resources
from penna.testing.families import check_family
from penna.testing.metrics import check_metric
from penna.testing.steps import check_step
from penna.testing.strategies import check_strategy
from penna.testing.tables import classes_table, make_table, numbers_table
from penna.testing.tasks import check_task, random_outputs

__all__ = [
    "CountdownDeadline",
    "check_family",
    "check_metric",
    "check_step",
    "check_strategy",
    "check_task",
    "classes_table",
    "make_resources",
    "make_table",
    "numbers_table",
    "random_outputs",
]
