#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/instructions.md is what the instruction table makes of it.
set -u

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=instructions_page:the_committed_page_agrees_with_the_table
if "$PENSTOCK_BUILDDIR/proto/isa/reference" >"$work/instructions.md" &&
	diff -u "$PENSTOCK_SRCDIR/docs/instructions.md" "$work/instructions.md"; then
	echo "ok 1 - $name" >>"$tap"
	result=0
else
	echo "not ok 1 - $name" >>"$tap"
	echo "make update-instructions writes the page again"
	result=1
fi
echo "1..1" >>"$tap"
exit $result
