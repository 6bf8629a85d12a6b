#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/shaders.md has the tables that permitted.def makes.
set -u

suite=shaders_page
page=$PENSTOCK_SRCDIR/docs/shaders.md
. "$PENSTOCK_SRCDIR/tests/unit/page.sh"

sed '1,/^<!-- tables -->$/d' "$page" >"$work/is"
awk -f "$PENSTOCK_SRCDIR/gpu-backend/shader/permitted.awk" \
	"$PENSTOCK_SRCDIR/gpu-backend/shader/permitted.def" >"$work/expected"
[ -s "$work/expected" ] || echo "nothing permitted" >"$work/expected"
report the_page_agrees_with_the_table "$(diff "$work/is" "$work/expected")"

finish
