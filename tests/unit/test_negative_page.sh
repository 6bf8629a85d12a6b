#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/negative-tests.md has every number, and names tests and seeds that are there.
set -u

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
page=$PENSTOCK_SRCDIR/docs/negative-tests.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
result=0
count=0

report() # name, what is wrong: nothing where all is well
{
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - negative_page:$1" >>"$tap"
	else
		echo "not ok $count - negative_page:$1" >>"$tap"
		echo "$1: $2"
		result=1
	fi
}

missing=
for number in $(seq 1 28); do
	grep -q "^| $number | .*\`" "$page" || missing="$missing $number"
done
report every_number_has_a_test "$missing"

{
	find "$PENSTOCK_SRCDIR/tests" -name '*.c' -exec sed -n 's/^START_TEST(\(.*\))$/\1/p' {} +
	find "$PENSTOCK_SRCDIR/tests" -name 'test_*.py' -exec sed -n 's/^def \([A-Za-z0-9_]*\)(.*/\1/p' {} +
} | sort -u >"$work/there"
grep '^|' "$page" | grep -o '`[A-Za-z0-9_]*`' | tr -d '`' | sort -u >"$work/named"
report every_test_that_is_named_is_there "$(comm -13 "$work/there" "$work/named")"

missing=
for seed in $(grep '^|' "$page" | grep -o '`[a-z]*/[A-Za-z0-9_-]*`' | tr -d '`' | sort -u); do
	[ -e "$PENSTOCK_SRCDIR/tests/fuzz/seeds/$seed" ] || missing="$missing $seed"
done
report every_seed_that_is_named_is_there "$missing"

echo "1..$count" >>"$tap"
exit $result
