#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/graphics.md has the tables that carried.def makes.
set -u

suite=graphics_page
page=$PENSTOCK_SRCDIR/docs/graphics.md
. "$PENSTOCK_SRCDIR/tests/unit/page.sh"

sed '1,/^<!-- tables -->$/d' "$page" >"$work/is"
awk -f "$PENSTOCK_SRCDIR/proto/adapter/carried.awk" \
	"$PENSTOCK_SRCDIR/proto/adapter/carried.def" >"$work/expected"
[ -s "$work/expected" ] || echo "nothing taken away" >"$work/expected"
report the_page_agrees_with_the_table "$(diff "$work/is" "$work/expected")"

finish
