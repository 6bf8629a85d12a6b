#!/bin/sh
# SPDX-License-Identifier: MIT
# The penstock tool's frame: what it answers where there is no server.
set -u

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
tool=$PENSTOCK_BUILDDIR/penstock
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PENSTOCK_SERVER
number=0
failed=0

# expect NAME EXIT-CODE ERROR-PATTERN ARGUMENTS...: one line on standard error at most
expect()
{
	name=$1 code=$2 pattern=$3
	shift 3
	number=$((number + 1))
	"$tool" "$@" >"$work/out" 2>"$work/err"
	got=$?
	if [ "$got" = "$code" ] && [ "$(wc -l <"$work/err")" -le 1 ] &&
		{ [ -z "$pattern" ] || grep -q -- "$pattern" "$work/err"; }; then
		echo "ok $number - $name" >>"$tap"
	else
		echo "not ok $number - $name" >>"$tap"
		echo "not ok $number - $name: exit $got"
		cat "$work/err"
		failed=1
	fi
}

echo 1..9 >"$tap"
expect help_is_success 0 '' --help
expect version_is_success 0 '' --version
expect no_command_is_a_usage_fault 2 'which command' --server "unix:$work/none"
expect an_unknown_command_is_named 2 "no command 'fly'" fly
expect an_unknown_option_is_a_usage_fault 2 'gravity' --gravity
expect a_bad_option_of_a_command_is_a_usage_fault 2 'gravity' info --gravity
expect a_bad_number_is_named 2 "'soon'" bench --seconds soon
expect a_server_that_is_not_there_fails 1 "$work/none" --server "unix:$work/none" info
PENSTOCK_SERVER=ftp://x
export PENSTOCK_SERVER
expect the_environment_names_the_server 2 'ftp://x' info
exit $failed
