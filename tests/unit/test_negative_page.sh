#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/negative-tests.md has every number, says for each what is tried, and names tests and seeds
# that are there.
set -u

suite=negative_page
page=$PENSTOCK_SRCDIR/docs/negative-tests.md
. "$PENSTOCK_SRCDIR/tests/unit/page.sh"

missing=
for number in $(seq 1 28); do
	grep -q "^| $number | .*\`" "$page" || missing="$missing $number"
done
report every_number_has_a_test "$missing"

missing=$(sed -n 's/^| \([^|]*\) |.*| *|$/\1/p' "$page")
report every_row_has_seeds_or_says_why_not "$missing"

tests_that_are_there >"$work/there"
grep '^|' "$page" | grep -o '`[A-Za-z0-9_]*`' | tr -d '`' | sort -u >"$work/named"
report every_test_that_is_named_is_there "$(comm -13 "$work/there" "$work/named")"

missing=
for seed in $(grep '^|' "$page" | grep -o '`[a-z]*/[A-Za-z0-9_-]*`' | tr -d '`' | sort -u); do
	[ -e "$PENSTOCK_SRCDIR/tests/fuzz/seeds/$seed" ] || missing="$missing $seed"
done
report every_seed_that_is_named_is_there "$missing"

finish
