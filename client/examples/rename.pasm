# Uploads of what the GPU is using: renamed, or beside it.
device gpu
context work
allocation vertices size=65536
allocation seen size=4096

upload vertices hex=[01010101]
submit work {
	list vertices seen:w
	copy source=@vertices destination=@seen size=4
}
# what was submitted reads what it found; this is for what comes behind
upload vertices discard hex=[02020202]
submit work {
	list vertices seen:w
	copy source=@vertices destination=@seen destination_offset=4 size=4
}
# a part of it that nobody uses yet
upload vertices ignore_sync offset=64 hex=[03030303]
submit work {
	list vertices seen:w
	copy source=@vertices source_offset=64 destination=@seen destination_offset=8 size=4
}
expect bytes seen hex=[01010101 02020202 03030303]

# these say two things at once
upload vertices discard ignore_sync hex=[04]
expect INVALID_PARAMETER
