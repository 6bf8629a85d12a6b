#!/bin/sh
# SPDX-License-Identifier: MIT
# The installed headers stand alone, as strict C and as C++, and agree with the tables.
set -u

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Exactly what is installed, and nothing of the project beside it.
mkdir "$work/penstock"
cp "$PENSTOCK_SRCDIR/client/include/penstock/penstock.h" "$work/penstock/" || exit 1
for header in status values instructions graphics; do
	cp "$PENSTOCK_BUILDDIR/client/include/penstock/$header.h" "$work/penstock/" || exit 1
done
cat >"$work/program.c" <<'PROGRAM'
#include <penstock/penstock.h>
#include <penstock/penstock.h>
int main(void)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_command_buffer *buffer = 0;

	if (sizeof(struct penstock_patch_location) != 24) {
		return 1;
	}
	if (sizeof(struct penstock_graphics_state) != 1848 || sizeof(struct penstock_image) != 40) {
		return 1;
	}
	return options.timeout_ms == 10000 &&
	       PENSTOCK_STATUS_INVALID_HANDLE == (int)0xC0000008 &&
	       buffer == 0 ? 0 : 1;
}
PROGRAM

number=0
failed=0
result()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2" >>"$tap"
	else
		echo "not ok $number - $2" >>"$tap"
		echo "not ok $number - $2"
		failed=1
	fi
}

echo 1..4 >"$tap"
# shellcheck disable=SC2086
$PENSTOCK_CC -x c -std=c99 -pedantic -Wall -Wextra -Werror -I"$work" -o "$work/c" "$work/program.c" &&
	"$work/c"
result $? public_header_is_strict_c99
if command -v c++ >/dev/null; then
	c++ -x c++ -std=c++11 -pedantic -Wall -Wextra -Werror -I"$work" -o "$work/cc" \
		"$work/program.c" && "$work/cc"
	result $? public_header_is_cxx11
else
	number=$((number + 1))
	echo "ok $number - public_header_is_cxx11 # SKIP no C++ compiler" >>"$tap"
fi
rows=$(grep -c '^INSTRUCTION(' "$PENSTOCK_SRCDIR/proto/isa/instructions.def")
functions=$(grep -c '^PENSTOCK_API ' "$work/penstock/instructions.h")
[ "$rows" -gt 0 ] && [ "$rows" = "$functions" ]
result $? every_instruction_has_an_emit_function
rows=$(grep -c '^STATUS(' "$PENSTOCK_SRCDIR/proto/wire/status.def")
names=$(grep -c '^	PENSTOCK_STATUS_' "$work/penstock/status.h")
[ "$rows" -gt 0 ] && [ "$rows" = "$names" ]
result $? every_status_is_in_the_public_header
exit $failed
