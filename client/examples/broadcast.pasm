# One submission of several contexts: each runs it, in its own order. Contexts of one device and node.
device gpu
context first
context second
context third
allocation data size=4096
allocation copy size=4096

submit first {
	list data:w
	fill destination=@data size=64 pattern=0x01010101
}
sync

submit first {
	list data:w copy:w
	broadcast second third
	fill destination=@data offset=64 size=64 pattern=0x02020202
	copy source=@data destination=@copy size=128
}
expect SUCCESS
expect bytes copy offset=60 hex=[01010101 02020202]

# a context that is named twice refuses it for all of them
submit first {
	list data:w
	broadcast second second
	fill destination=@data size=64 pattern=0x03030303
}
expect INVALID_PARAMETER
expect bytes data hex=[01010101]
