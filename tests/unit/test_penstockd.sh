#!/bin/bash
# SPDX-License-Identifier: MIT
# penstockd as the operator sees it: exit statuses, one line for each fault, signals, readiness.
set -uo pipefail

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
daemon=$PENSTOCK_BUILDDIR/penstockd
gpu=$PENSTOCK_BUILDDIR/penstock-gpu
work=$(mktemp -d)
pid=
cleanup() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
number=0
failed=0
: >"$tap"

result() { # NAME, with $? of what was tested
	local status=$?
	number=$((number + 1))
	if [ $status -eq 0 ]; then
		echo "ok $number - $1" >>"$tap"
	else
		echo "not ok $number - $1" | tee -a "$tap"
		failed=1
	fi
}

# refuses STATUS TEXT ARGUMENT...: that exit status, and one line that has the text.
refuses() {
	local wanted=$1 text=$2 status
	shift 2
	"$daemon" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	[ $status -eq "$wanted" ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -qF -- "$text" "$work/err" ||
		{ echo "status $status, wanted $wanted, '$text'"; cat "$work/err"; false; }
}

refuses 2 "there is no option '--sokcet'" --sokcet /x
result an_unknown_option_is_one_line_and_exit_2
refuses 2 "--listen: '192.0.2.1:7' is not a loopback address" --listen 192.0.2.1:7
result a_public_address_is_one_line_and_exit_2
printf '[daemon]\nlog-level = loud\n' >"$work/bad.conf"
refuses 2 "$work/bad.conf:2: log-level: 'loud'" --config "$work/bad.conf" --check-config
result a_bad_configuration_names_file_and_line_and_exits_2
refuses 2 "$work/none.conf: No such file" --config "$work/none.conf"
result a_missing_configuration_is_exit_2
printf '[daemon]\nlog-level = debug\n' >"$work/good.conf"
"$daemon" --config "$work/good.conf" --check-config --socket "$work/s" --state-dir "$work/state" \
	--memory-dir "$work/memory" >"$work/out" 2>&1 && grep -q "is good" "$work/out" &&
	[ ! -e "$work/state" ]
result a_good_configuration_is_exit_0_and_starts_nothing
"$daemon" --version | grep -q '^penstockd [0-9]' && "$daemon" --help | grep -q -- '--paranoid'
result version_and_help_are_exit_0
refuses 2 "--socket: longer than 107 bytes" --socket "/nowhere/at/all/$(printf 'x%.0s' $(seq 200))"
result a_socket_path_that_is_too_long_is_one_line_and_exit_2
refuses 1 "cannot start" --backend null --gpu-program "$gpu" --socket "$work/bad.conf/none/socket" \
	--state-dir "$work/state" --memory-dir "$work/memory"
result what_cannot_start_is_one_line_and_exit_1

# start ARGUMENT...: returns when the daemon has said that it is ready.
mkfifo "$work/log"
start() {
	"$daemon" --backend null --gpu-program "$gpu" --socket "$work/p.sock" --state-dir "$work/state" \
		--memory-dir "$work/memory" "$@" 2>"$work/log" >"$work/out" </dev/null &
	pid=$!
	exec 7<"$work/log"
	wait_for "ready version="
}

# wait_for TEXT: reads the log up to a line that has it.
wait_for() {
	local line
	while IFS= read -r -t 50 -u 7 line; do
		case $line in *"$1"*) return 0 ;; esac
	done
	echo "the log ended without '$1'"
	return 1
}

start --config "$work/good.conf" && [ -S "$work/p.sock" ] &&
	[ "$(stat -c %a "$work/state")" = 700 ] && [ "$(stat -c %a "$work/memory")" = 700 ]
result a_ready_daemon_listens_and_keeps_its_folders_to_itself
refuses 1 "socket '$work/p.sock': Address already in use" --backend null --gpu-program "$gpu" --socket "$work/p.sock" \
	--state-dir "$work/state2" --memory-dir "$work/memory2"
result a_second_daemon_does_not_take_the_socket
printf '[daemon]\nlog-level = quiet\n' >"$work/good.conf"
kill -HUP "$pid" && wait_for "not reloaded: $work/good.conf:2"
result a_bad_reload_changes_nothing
printf '[daemon]\nlog-level = info\n[adapter]\nparanoid = yes\n' >"$work/good.conf"
kill -HUP "$pid" && wait_for "key='paranoid' takes effect at the next start" && wait_for reloaded
result a_reload_says_what_waits_for_the_next_start
kill -TERM "$pid" && wait_for "drained=yes" && wait "$pid" && [ ! -e "$work/p.sock" ]
result a_told_daemon_drains_removes_its_socket_and_exits_0
start && kill -KILL "$pid" && { wait "$pid"; start; } && kill -TERM "$pid" && wait "$pid"
result a_killed_daemon_can_be_started_again
pid=
echo "1..$number" >>"$tap"
exit $failed
