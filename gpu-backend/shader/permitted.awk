# SPDX-License-Identifier: MIT
# The tables of docs/shaders.md, of permitted.def.

function row(what, names) { printf "| %s | %s |\n", what, names }

function join(list, name) { return list == "" ? "`" name "`" : list ", `" name "`" }

match($0, /^(REFUSED_)?(CAPABILITY|STORAGE_CLASS|OPCODE|MODE|EXTENSION|IMPORT)\(/) {
	kind = substr($0, 1, RLENGTH - 1)
	rest = substr($0, RLENGTH + 1)
	sub(/\)$/, "", rest)
	name = rest
	sub(/,.*/, "", name)
	gsub(/"/, "", name)
	if (kind ~ /^REFUSED_/) {
		why = rest
		sub(/^[^"]*"/, "", why)
		sub(/"$/, "", why)
		key = kind SUBSEP why
		if (!(key in refused))
			order[++reasons] = key
		refused[key] = join(refused[key], kind == "REFUSED_OPCODE" ? "Op" name : name)
	} else {
		permitted[kind] = join(permitted[kind], name)
	}
}

END {
	print "| permitted | |"
	print "|---|---|"
	row("capabilities", permitted["CAPABILITY"])
	row("storage classes", permitted["STORAGE_CLASS"])
	row("execution modes", permitted["MODE"])
	row("extensions", permitted["EXTENSION"])
	row("extended instructions", permitted["IMPORT"])
	print ""
	print "| refused | because |"
	print "|---|---|"
	for (i = 1; i <= reasons; i++) {
		split(order[i], part, SUBSEP)
		row(refused[order[i]], part[2])
	}
}
