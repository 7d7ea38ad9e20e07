"""The checks of scikit-learn that apply to an estimator of texts, run as they stand.

Its generator stops at estimators that take no 2-D arrays; the rest of the checks that do not fit on numbers are named.
"""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from penna import AutoText

NAMED = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


def estimator():
    return AutoText(budget=5, families=("linear",))


@pytest.mark.filterwarnings("ignore:Can't test estimator:sklearn.exceptions.SkipTestWarning")
def test_every_check_that_scikit_learn_offers_for_texts_passes():
    ran = [check(one) or check for one, check in estimator_checks_generator(estimator())]
    assert ran


@pytest.mark.parametrize("name", NAMED)
def test_the_checks_that_need_no_numbers_pass(name):
    getattr(estimator_checks, name)("AutoText", estimator())
