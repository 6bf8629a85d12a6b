#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/invariants.md: what it says is asserted is, where it says so; the codes of the source are all
# in it; the tests that it names are there.
set -u

suite=invariants_page
page=$PENSTOCK_SRCDIR/docs/invariants.md
. "$PENSTOCK_SRCDIR/tests/unit/page.sh"

missing=
for code in 0x119/1 0x119/2 0x119/3 0x119/5 0x119/8 0x119/9 0x119/0xA 0x119/0xC 0x119/0xD \
	0x119/0x10 0x119/0x11 0x10E/3 0x10E/5 0x10E/8 0x10E/9 0x10E/0xA 0x10E/0xB 0x10E/0xC \
	0x10E/0xD 0x10E/0xE 0x10E/0x11 0x10E/0x12 0x10E/0x13 0x10E/0x16 0x10E/0x19 0x10E/0x1A \
	0x10E/0x1D 0x10E/0x1F 0x10E/0x20 0x10E/0x21 0x10E/0x24 0x10E/0x25 0x10E/0x27 0x10E/0x29 \
	0x10E/0x33 0x10E/0x38 0x10E/0x44; do
	grep -q "^| $code |" "$page" || missing="$missing $code"
done
report every_row_is_there "$missing"

# "0x119/%s" is 1 or 0xD.
cat "$PENSTOCK_SRCDIR"/daemon/*/*.c "$PENSTOCK_SRCDIR"/gpu-backend/*/*/*.c >"$work/source"
missing=
for code in $(grep -o '"0x1[01][9E]/[0-9A-Fx]*:' "$work/source" | tr -d '":' | sort -u); do
	grep "^| $code |" "$page" | grep -q '`E10_' || missing="$missing $code"
done
report every_code_of_the_source_has_a_row_with_a_test "$missing"

missing=
grep '^| 0x' "$page" >"$work/rows"
while IFS='|' read -r _ code _ _ where tests _; do
	code=$(echo "$code" | tr -d ' ')
	files=$(echo "$where" | grep -o '`[a-z/_-]*\.c`' | tr -d '`')
	case $where in *"one principal's"*) continue ;; esac
	[ -z "$files" ] || echo "$tests" | grep -q '`' || missing="$missing $code:no-test"
	for file in $files; do
		grep -q "\"$code: \|\"0x119/%s: " "$PENSTOCK_SRCDIR/$file" ||
			missing="$missing $code:$file"
	done
done <"$work/rows"
report what_is_asserted_is_where_it_says "$missing"

tests_that_are_there >"$work/there"
grep -o '`[CE][0-9]*_[A-Za-z0-9_]*`' "$page" | tr -d '`' | sort -u >"$work/named"
report every_test_that_is_named_is_there "$(comm -13 "$work/there" "$work/named")"

finish
