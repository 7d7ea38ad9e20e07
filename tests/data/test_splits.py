"""Splits on small tables, some of them awkward."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from penna.data import splits
from penna.data.table import Table
from penna.errors import TableError


def table_of(texts, group=None):
    column = np.array(texts, dtype=object)
    groups = None if group is None else np.array(group, dtype=object)
    return Table({"text": column}, group=groups, rows=np.arange(1, len(texts) + 1))


def parts(plan):
    return [plan.test, *(valid for _, valid in plan.folds)]


def test_near_copies_are_never_on_two_sides():
    ways = ("Where is card {}?", "where is  card {}", "WHERE IS CARD {}!!!", "where, is card\n{}")
    texts = [way.format(i) for i in range(60) for way in ways]
    plan = splits.plan(table_of(texts), np.arange(240) // 4 % 2)
    original = np.arange(240) // 4
    sides = [set(original[part]) for part in parts(plan)]
    assert sum(map(len, sides)) == 60


def test_texts_of_punctuation_are_copies_only_if_equal():
    signs = table_of([":)", ":(", "!!!", ":)"]).dedup_keys
    assert len(set(signs.tolist())) == 3
    assert signs[0] == signs[3]


def test_every_row_is_in_the_test_set_or_once_in_every_fold():
    table = table_of([f"text {i}" for i in range(500)])
    plan = splits.plan(table, np.arange(500) % 3)
    assert sorted(np.concatenate(parts(plan)).tolist()) == list(range(500))
    for train, valid in plan.folds:
        assert not set(train) & set(valid)
        assert not (set(train) | set(valid)) & set(plan.test)
        assert len(train) + len(valid) + len(plan.test) == 500


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 2), st.integers(0, 8)), min_size=20, max_size=120))
def test_the_same_text_or_group_is_never_on_two_sides(rows):
    texts = [f"text {t}" for t, _, _ in rows]
    groups = [f"user {g}" if g else f"alone {i}" for i, (_, _, g) in enumerate(rows)]
    try:
        plan = splits.plan(table_of(texts, groups), np.array([label for _, label, _ in rows]))
    except TableError:  # nearly all rows hang together
        reject()
    for values in (np.array(texts), np.array(groups)):
        for train, valid in plan.folds:
            exam, learnt, asked = (set(values[part]) for part in (plan.test, train, valid))
            assert not exam & (learnt | asked)
            assert not learnt & asked


def test_classes_keep_their_shares_in_test_set_and_folds():
    strata = np.repeat([0, 1, 2], [600, 300, 100])
    plan = splits.plan(table_of([f"text {i}" for i in range(1000)]), strata)
    for part in parts(plan):
        shares = np.bincount(strata[part], minlength=3) / len(part)
        assert np.abs(shares - [0.6, 0.3, 0.1]).max() < 0.03


def test_class_of_two_rows_stays_in_training():
    strata = np.repeat([0, 1], [98, 2])
    plan = splits.plan(table_of([f"text {i}" for i in range(100)]), strata)
    assert 1 not in strata[plan.test]
    assert all(1 in strata[train] for train, _ in plan.folds)


def test_many_small_classes_still_leave_a_test_set():
    strata = np.repeat(np.arange(77), 5)
    plan = splits.plan(table_of([f"text {i}" for i in range(385)]), strata)
    assert 50 <= len(plan.test) <= 65


def test_a_large_table_meets_one_fold_first_and_a_small_one_all():
    small = splits.plan(table_of([f"t {i}" for i in range(200)]), np.arange(200) % 2)
    large = splits.plan(table_of([f"t {i}" for i in range(4000)]), np.arange(4000) % 2)
    assert small.first_round == (0, 1, 2, 3, 4)
    assert large.first_round == (0,)
    assert splits.plan(table_of([f"t {i}" for i in range(4000)]), np.arange(4000) % 2, folds=3).first_round == (0, 1, 2)


def test_given_test_table_leaves_no_test_rows():
    plan = splits.plan(table_of([f"t {i}" for i in range(60)]), np.arange(60) % 2, has_test=True)
    assert len(plan.test) == 0
    assert len(plan.search) == 60


def test_split_depends_on_the_seed():
    table, strata = table_of([f"t {i}" for i in range(300)]), np.arange(300) % 2
    assert np.array_equal(splits.plan(table, strata, seed=1).test, splits.plan(table, strata, seed=1).test)
    assert not np.array_equal(splits.plan(table, strata, seed=1).test, splits.plan(table, strata, seed=2).test)


def pairs_of(first, second, group=None):
    columns = {"a": np.array(first, object), "b": np.array(second, object)}
    groups = None if group is None else np.array(group, object)
    return Table(columns, group=groups, rows=np.arange(1, len(first) + 1), pair=("a", "b"))


def sides_with(plan, names):
    """Of each name, on how many parts of a split it stands."""
    met = [set(np.asarray(names)[part]) for part in parts(plan)]
    return [sum(name in part for part in met) for name in dict.fromkeys(names)]


def test_pairs_with_a_shared_text_stay_together():
    premises = [f"premise {i // 3}" for i in range(600)]
    others = [f"hypothesis {i}" for i in range(600)]
    swapped = [i % 3 == 1 for i in range(600)]
    first = [b if swap else a for a, b, swap in zip(premises, others, swapped, strict=True)]
    second = [a if swap else b for a, b, swap in zip(premises, others, swapped, strict=True)]
    plan = splits.plan(pairs_of(first, second), np.arange(600) % 3)
    assert set(sides_with(plan, premises)) == {1}
    assert sorted(np.concatenate(parts(plan)).tolist()) == list(range(600))


def test_texts_on_many_pairs_and_empty_ones_link_nothing():
    catalogue = [f"entry {i % 20}" for i in range(600)]
    plan = splits.plan(pairs_of([f"query {i}" for i in range(600)], catalogue), np.arange(600) % 2)
    assert min(sides_with(plan, catalogue)) > 1
    empty = [""] * 8 + [f"text {i}" for i in range(392)]
    plan = splits.plan(pairs_of([f"query {i}" for i in range(400)], empty), np.arange(400) % 2)
    assert sides_with(plan, empty)[0] > 1


def test_pairs_that_all_hang_together_are_split_row_by_row():
    chain = [f"text {i}" for i in range(601)]
    plan = splits.plan(pairs_of(chain[:-1], chain[1:]), np.arange(600) % 2)
    assert len(plan.test) == 90
    few = splits.plan(pairs_of([f"question {i // 8}" for i in range(16)], chain[:16]), np.arange(16) % 2, has_test=True)
    assert len(few.folds) == 8


def test_shared_texts_may_split_if_a_group_is_named():
    premises = [f"premise {i // 3}" for i in range(600)]
    plan = splits.plan(
        pairs_of(premises, [f"hypothesis {i}" for i in range(600)], [f"writer {i}" for i in range(600)]),
        np.arange(600) % 3,
    )
    assert max(sides_with(plan, premises)) > 1


@pytest.mark.parametrize("groups", [3, 4, 5, 8])
def test_few_groups_give_few_folds_and_none_is_empty(groups):
    table = table_of([f"text {i}" for i in range(240)], [f"user {i % groups}" for i in range(240)])
    plan = splits.plan(table, np.arange(240) // 2 % 2)
    assert len(plan.test)
    assert len(plan.folds) >= 2
    assert plan.first_round == tuple(range(len(plan.folds)))
    assert all(len(train) and len(valid) for train, valid in plan.folds)
    assert sorted(np.concatenate(parts(plan)).tolist()) == list(range(240))


@pytest.mark.parametrize("groups", [1, 2])
def test_groups_that_leave_nothing_to_choose_by_are_refused(groups):
    table = table_of([f"text {i}" for i in range(240)], [f"user {i % groups}" for i in range(240)])
    with pytest.raises(TableError, match="leave --group-column out"):
        splits.plan(table, np.arange(240) % 2)


def test_test_set_has_rows_even_for_classes_of_two():
    plan = splits.plan(table_of([f"text {i}" for i in range(16)]), np.arange(16) // 2)
    assert len(plan.test)
    assert all(len(valid) for _, valid in plan.folds)


def test_group_name_of_megabytes_leaves_room_for_others():
    group = [f"group {i // 2}" for i in range(2000)]
    group[7] = "word " * 400_000
    tracemalloc.start()
    plan = splits.plan(table_of([f"text {i}" for i in range(2000)], group), np.arange(2000) % 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(plan.folds) >= 1
    assert peak < 100e6


def test_groups_of_several_strata_keep_the_shares():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(600), rng.integers(1, 4, 600))
    strata = (rng.random(len(groups)) < 0.3).astype(np.int64)
    strata[np.unique(groups, return_index=True)[1][::2]] = 1  # of every second group the first row is rare
    part = splits.deal(strata, groups, [0.15, 0.85], rng)
    assert abs(strata[part == 0].mean() - strata.mean()) < 0.03
    assert all(len(set(part[groups == g])) == 1 for g in range(600))
