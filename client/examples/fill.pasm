# SPDX-License-Identifier: MIT
# The smallest useful script: fill a buffer, copy part of it, look at the bytes.

device gpu
context work

allocation from size=4096
allocation to size=4096 hex=[aa aa aa aa  bb bb bb bb]

submit work {
	list null from:w to:w

	fill destination=@from size=4096 pattern=0x44332211
	copy source=@from source_offset=0x10 destination=@to destination_offset=4 size=6
	update destination=@to offset=0x20 data=[0x03020100 0x07060504]
}
expect SUCCESS

expect bytes from offset=4088 hex=[11 22 33 44 11 22 33 44]
expect bytes to hex=[aa aa aa aa 11 22 33 44 11 22]
expect bytes to offset=0x20 hex=0001020304050607

# What is behind the end of nothing that was written is zero.
expect bytes to offset=0x28 hex=[00 00 00 00]

print "the first bytes of 'to':"
print hex to size=48
