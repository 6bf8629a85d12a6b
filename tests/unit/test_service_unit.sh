#!/bin/sh
# SPDX-License-Identifier: MIT
# The service unit stays hardened: systemd's own measure of its exposure, 0 best, 100 worst.
set -eu

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
unit=$PENSTOCK_BUILDDIR/systemd/penstockd.service
echo 1..1 >"$tap"
if ! systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
	echo "ok 1 - the_unit_exposes_little # SKIP no systemd-analyze" >>"$tap"
	exit 77
fi
# The program need not be installed where the unit says.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed 's,^ExecStart=.*,ExecStart=/bin/true,' "$unit" >"$work/penstockd.service"
if systemd-analyze security --offline=true --threshold=15 --no-pager "$work/penstockd.service" \
	>"$work/log" 2>&1; then
	echo "ok 1 - the_unit_exposes_little" >>"$tap"
else
	tail -n 40 "$work/log"
	echo "not ok 1 - the_unit_exposes_little" >>"$tap"
	exit 1
fi
