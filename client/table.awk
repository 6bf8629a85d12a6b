# SPDX-License-Identifier: MIT
# table.awk -v output=status|instructions|emit: makes the SDK's installed headers, and the bodies of
# its emit functions, from proto/wire/status.def and proto/isa/instructions.def.

function fail(text)
{
	print FILENAME ": " text > "/dev/stderr"
	failed = 1
	exit 1
}

# Splits "a, b, \"c, d\"" into fields[1..], quotes removed.
function split_row(row, fields,    i, character, quoted, count)
{
	count = 1
	fields[1] = ""
	for (i = 1; i <= length(row); i++) {
		character = substr(row, i, 1)
		if (character == "\"") {
			quoted = !quoted
		} else if (character == "," && !quoted) {
			fields[++count] = ""
		} else if (quoted || character !~ /[ \t]/) {
			fields[count] = fields[count] character
		}
	}
	return count
}

function comment(text, indent,    words, count, i, line)
{
	count = split(text, words, " ")
	line = indent " *"
	print indent "/*"
	for (i = 1; i <= count; i++) {
		if (length(line) + length(words[i]) > 90) {
			print line
			line = indent " *"
		}
		line = line " " words[i]
	}
	print line
	print indent " */"
}

# ---------------------------------------------------------------- one row

function status_row(fields)
{
	printf "\tPENSTOCK_STATUS_%s = (int)%s, /* %s */\n", fields[1], fields[2], fields[3]
}

function operand_parameters(type, name)
{
	if (type ~ /^(U32|HEX32|COLOR)$/)
		return "uint32_t " name
	if (type == "I32")
		return "int32_t " name
	if (type == "F32")
		return "float " name
	if (type ~ /^(U64|OFFSET|SIZE)$/)
		return "uint64_t " name
	if (type ~ /^(SOURCE|DESTINATION|BOTH)$/)
		return "uint16_t " name
	if (type == "RECT")
		return "const struct penstock_rect *" name
	if (type == "RECTS")
		return "const struct penstock_rect *" name ", uint32_t " name "_count"
	if (type == "BYTES")
		return "const void *" name ", uint32_t " name "_bytes"
	fail("operand type " type)
}

function operand_store(type, name, offset)
{
	if (type ~ /^(U32|HEX32|COLOR)$/)
		return "\tpenstock_store32(at + " offset ", " name ");\n"
	if (type == "I32")
		return "\tpenstock_store32(at + " offset ", (uint32_t)" name ");\n"
	if (type == "F32")
		return "\tpenstock_emit_float(at + " offset ", " name ");\n"
	if (type ~ /^(U64|OFFSET|SIZE)$/)
		return "\tpenstock_store64(at + " offset ", " name ");\n"
	if (type ~ /^(SOURCE|DESTINATION|BOTH)$/)
		return "\tpenstock_store16(at + " offset ", " name ");\n"
	if (type == "RECT")
		return "\tpenstock_emit_rect(at + " offset ", " name ");\n"
	if (type == "RECTS")
		return "\tpenstock_emit_bytes(at + " offset ", " name ", (size_t)" name "_count * 16u);\n"
	return "\tpenstock_emit_bytes(at + " offset ", " name ", " name "_bytes);\n"
}

# The instruction that was read before this row is complete: print it.
function finish_instruction(    prototype)
{
	if (instruction == "")
		return
	prototype = "enum penstock_status penstock_emit_" mnemonic \
		"(struct penstock_command_buffer *buffer" parameters ")"
	if (output == "instructions") {
		comment(summary, "")
		gsub(/, /, ",\n\t", prototype)
		print "PENSTOCK_API " prototype ";\n"
	} else {
		print prototype "\n{"
		print "\tuint8_t *at;"
		print "\tenum penstock_status status = penstock_emit_begin(buffer, PENSTOCK_INSTRUCTION_" \
			instruction ", " trailing ", &at);\n"
		print "\tif (status != PENSTOCK_STATUS_SUCCESS) {\n\t\treturn status;\n\t}"
		printf "%s", stores
		print "\treturn PENSTOCK_STATUS_SUCCESS;\n}\n"
	}
}

function instruction_row(fields)
{
	finish_instruction()
	instruction = fields[1]
	mnemonic = fields[2]
	summary = mnemonic ": " fields[12] (fields[6] == "PRIVILEGED" ? " (privileged: refused)" : "")
	parameters = ""
	stores = ""
	trailing = "0"
	ids = ids "\tPENSTOCK_INSTRUCTION_" instruction ",\n"
}

function operand_row(fields)
{
	if (fields[2] == "register") # a word of C
		fields[2] = "index"
	if (fields[1] != instruction)
		fail("operand of " fields[1] " behind " instruction)
	parameters = parameters ", " operand_parameters(fields[3], fields[2])
	stores = stores operand_store(fields[3], fields[2], fields[4])
	if (fields[3] == "RECTS")
		trailing = "(uint64_t)" fields[2] "_count * 16u"
	if (fields[3] == "BYTES")
		trailing = fields[2] "_bytes"
}

function row(text,    name, fields)
{
	name = text
	sub(/\(.*/, "", name)
	sub(/^[A-Z]+\(/, "", text)
	sub(/\)$/, "", text)
	split_row(text, fields)
	if (name == "STATUS")
		status_row(fields)
	else if (name == "INSTRUCTION")
		instruction_row(fields)
	else
		operand_row(fields)
}

# ---------------------------------------------------------------- the file

BEGIN {
	print "/* SPDX-License-Identifier: MIT */"
	if (output == "status") {
		print "/* Every status of the product. Made from proto/wire/status.def. */"
		print "#ifndef PENSTOCK_STATUS_LIST\n#define PENSTOCK_STATUS_LIST\n"
		print "enum penstock_status {"
	} else if (output == "instructions") {
		print "/*"
		print " * One function for each instruction of a command buffer. Made from"
		print " * proto/isa/instructions.def; docs/instructions.md says what each operand means."
		print " * Included by penstock.h, which says what all of them have in common."
		print " */"
		print "#ifndef PENSTOCK_INSTRUCTIONS_H\n#define PENSTOCK_INSTRUCTIONS_H\n"
	} else {
		print "/* Made from proto/isa/instructions.def. */"
		print "#include \"client/builder.h\"\n"
	}
}

/^[ \t]*\/\*/ { in_comment = 1 }
in_comment {
	if (/\*\//)
		in_comment = 0
	next
}
/^(STATUS|INSTRUCTION|OPERAND)\(/ { pending = "" }
/^[ \t]*$/ { next }
{
	sub(/^[ \t]+/, "")
	pending = pending (pending == "" ? "" : " ") $0
	if (pending ~ /\)$/) {
		row(pending)
		pending = ""
	}
}

END {
	if (failed)
		exit 1
	finish_instruction()
	if (output == "status") {
		print "};\n\n#endif"
	} else if (output == "instructions") {
		print "#ifndef PENSTOCK_INSTRUCTION_LIST\n#define PENSTOCK_INSTRUCTION_LIST"
		printf "enum penstock_instruction_id {\n%s\tPENSTOCK_INSTRUCTION_COUNT\n};\n#endif\n\n#endif\n", ids
	}
}
