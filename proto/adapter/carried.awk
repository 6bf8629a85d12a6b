# SPDX-License-Identifier: MIT
# The tables of docs/graphics.md, of carried.def.

function join(list, name) { return list == "" ? "`" name "`" : list ", `" name "`" }

function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }

# Rows may go on in the next line: they end with a parenthesis behind a quote.
/^(ABSENT|AT_MOST|AT_LEAST|ONLY)\(/ { row = "" }
/^(ABSENT|AT_MOST|AT_LEAST|ONLY)\(/, /"\)$/ {
	row = row $0
	if ($0 !~ /"\)$/)
		next
	kind = substr(row, 1, index(row, "(") - 1)
	why = row
	sub(/^[^"]*"/, "", why)
	sub(/"\)$/, "", why)
	count = split(substr(row, index(row, "(") + 1), part, ",")
	name = trim(part[1]) "." trim(part[2])
	if (kind == "ABSENT") {
		if (!(why in absent))
			order[++reasons] = why
		absent[why] = join(absent[why], name)
	} else {
		word = kind == "AT_MOST" ? "at most" : kind == "AT_LEAST" ? "at least" : "only"
		value = trim(part[3])
		sub(/^PENSTOCK_LIMIT_/, "", value)
		key = word " " value
		if (!(key in bounded))
			bounds[++bound_count] = key
		bounded[key] = join(bounded[key], name)
	}
}

END {
	print "| 0, whatever the driver says | because |"
	print "|---|---|"
	for (i = 1; i <= reasons; i++)
		printf "| %s | %s |\n", absent[order[i]], order[i]
	print ""
	print "| bounded | by |"
	print "|---|---|"
	for (i = 1; i <= bound_count; i++)
		printf "| %s | %s |\n", bounded[bounds[i]], bounds[i]
}
