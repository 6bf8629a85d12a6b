# SPDX-License-Identifier: MIT
# A client may send its own patch list, in command-buffer offsets. Where it disagrees with the
# instructions, the submission is refused.

device gpu
context work
allocation from size=256 hex=[01 02 03 04 05 06 07 08]
allocation to size=256

# copy: slot 0 is the source, whose offset operand stands at byte 8, slot 1 the destination, whose
# offset operand stands at byte 16 (docs/instructions.md).
submit work {
	list from to:w
	patch allocation=@from slot=0 offset=4 at=8 split=0
	patch allocation=@to slot=1 offset=0 at=16 split=0
	copy source=@from source_offset=4 destination=@to size=4
}
expect SUCCESS
expect bytes to hex=[05 06 07 08 00]

# another allocation than the instruction names
submit work {
	list from to:w
	patch allocation=@to slot=0 offset=4 at=8 split=0
	copy source=@from source_offset=4 destination=@to size=4
}
expect INVALID_PARAMETER

# a place that no reference has
submit work {
	list from to:w
	patch allocation=@from slot=0 offset=4 at=12 split=0
	copy source=@from source_offset=4 destination=@to size=4
}
expect INVALID_PARAMETER
