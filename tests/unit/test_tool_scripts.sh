#!/bin/sh
# SPDX-License-Identifier: MIT
# penstock asm, disasm and run --check: exit codes, sentences, files, and the examples.
set -u

tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
tool=$PENSTOCK_BUILDDIR/penstock
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
failed=0
: >"$tap"

result()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - tool_scripts:$2" >>"$tap"
	else
		echo "not ok $number - tool_scripts:$2" >>"$tap"
		echo "not ok $number - $2"
		[ -z "${3:-}" ] || cat "$3"
		failed=1
	fi
}

# expect NAME EXIT-CODE WHOLE-ERROR ARGUMENTS...
expect()
{
	name=$1 code=$2 sentence=$3
	shift 3
	"$tool" "$@" >"$work/out" 2>"$work/err" </dev/null
	[ $? = "$code" ] && [ "$(cat "$work/err")" = "$sentence" ]
	result $? "$name" "$work/err"
}

cd "$work" || exit 1

printf 'nop\ncopy source=1 destination=2 size=4096 # all\n.byte 1 2\n' >good.asm
"$tool" asm -o good.bin good.asm && "$tool" disasm good.bin >again.asm &&
	"$tool" asm again.asm >again.bin && cmp good.bin again.bin && [ "$(wc -c <good.bin)" = 38 ]
result $? bytes_come_back
"$tool" disasm --offsets good.bin | grep -q '^copy source=1 .*# 0x4$'
result $? offsets_are_shown
head -c 4096 /dev/urandom >random.bin
"$tool" disasm -o random.asm random.bin && "$tool" asm random.asm | cmp - random.bin
result $? any_bytes_come_back

printf 'nop\nfly\n' >bad.asm
expect a_fault_of_assembly_is_named 2 "bad.asm:2:1: there is no instruction 'fly'" asm bad.asm
expect a_missing_input_is_named 2 'none.asm: No such file or directory' asm none.asm
expect a_second_input_is_too_much 2 "penstock: asm takes one file, 'b' is one too many" asm a b
expect an_output_that_cannot_be_is_named 2 "$work: Is a directory" asm -o "$work" good.asm
head -c 16777217 /dev/zero >huge.bin
expect more_than_a_command_buffer_is_refused 2 'huge.bin: larger than 16777216 bytes' \
	disasm huge.bin

printf 'device gpu\nfly\n' >bad.pasm
expect a_fault_of_a_script_is_named 2 "bad.pasm:2:1: there is no statement 'fly'" run bad.pasm
printf 'device gpu\nallocation a png="%s"\n' bad.pasm >png.pasm
expect a_bad_png_is_named 2 'png.pasm:2: bad.pasm: Not a PNG file' run png.pasm
printf 'device gpu\n\nallocation a file="none.bin"\n' >file.pasm
expect a_missing_file_is_named 2 'file.pasm:3: none.bin: No such file or directory' run file.pasm
mkdir scripts
printf 'device gpu\nallocation a file="content.bin"\n' >scripts/beside.pasm
echo content >scripts/content.bin
expect files_are_looked_for_beside_the_script 0 '' run --check scripts/beside.pasm
expect a_script_is_needed 2 'penstock: run takes one script' run
expect a_bad_timeout_is_named 2 "penstock: 'soon' is no number of seconds" \
	run --timeout soon bad.pasm
printf 'device gpu\n' >ok.pasm
"$tool" --server "unix:$work/none" run ok.pasm 2>err
[ $? = 1 ] && [ "$(wc -l <err)" = 1 ]
result $? no_server_is_a_failure err

for example in "$PENSTOCK_SRCDIR"/client/examples/*.pasm; do
	if grep -q '^pipeline' "$example" && ! command -v glslangValidator >/dev/null; then
		"$tool" run --check "$example" 2>err
		[ $? = 2 ] && grep -q 'needs glslangValidator: No such file' err
		result $? "example_$(basename "$example" .pasm)_names_the_compiler_that_is_missing" err
		continue
	fi
	expect "example_$(basename "$example" .pasm)_has_no_fault" 0 '' run --check "$example"
done
echo "1..$number" >>"$tap"
exit $failed
