# SPDX-License-Identifier: MIT
# What tests of a page of docs/ share; read by them. $suite is their name in the TAP file.

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
result=0
count=0

report() # name, what is wrong: nothing where all is well
{
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $suite:$1" >>"$tap"
	else
		echo "not ok $count - $suite:$1" >>"$tap"
		echo "$1: $2"
		result=1
	fi
}

# The name of every test case, sorted.
tests_that_are_there()
{
	{
		find "$PENSTOCK_SRCDIR/tests" -name '*.c' \
			-exec sed -n 's/^START_TEST(\(.*\))$/\1/p' {} +
		find "$PENSTOCK_SRCDIR/tests" -name 'test_*.py' \
			-exec sed -n 's/^def \([A-Za-z0-9_]*\)(.*/\1/p' {} +
	} | sort -u
}

finish()
{
	echo "1..$count" >>"$tap"
	exit $result
}
