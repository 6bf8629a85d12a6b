#!/bin/sh
# SPDX-License-Identifier: MIT
# libpenstock exports what client/penstock.map lists, and that is what the public headers declare.
set -eu

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
headers="$PENSTOCK_SRCDIR/client/include/penstock/penstock.h
	$PENSTOCK_BUILDDIR/client/include/penstock/instructions.h"

sed -n 's/^	\(penstock_[a-z0-9_]*\);$/\1/p' "$PENSTOCK_SRCDIR/client/penstock.map" |
	sort >"$work/listed"
$PENSTOCK_NM -D --defined-only "$PENSTOCK_BUILDDIR/.libs/libpenstock.so" |
	awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
# shellcheck disable=SC2086
cat $headers | tr '\n\t' '  ' | grep -o 'PENSTOCK_API [^(]*(' |
	grep -o 'penstock_[a-z0-9_]*($' | tr -d '(' | sort >"$work/declared"

failed=0
result()
{
	if [ -s "$work/listed" ] && diff -u "$work/listed" "$work/$2"; then
		echo "ok $1 - $3" >>"$tap"
	else
		echo "not ok $1 - $3" >>"$tap"
		failed=1
	fi
}
echo 1..2 >"$tap"
result 1 exported the_shared_library_exports_the_listed_names
result 2 declared the_public_headers_declare_the_listed_names
exit $failed
