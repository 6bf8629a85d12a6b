# SPDX-License-Identifier: MIT
# Names that mean nothing here: never made, destroyed, another kind of object.

device gpu
context work
allocation data size=4096
handle random value=0x0000002a00000007

submit random {
}
expect INVALID_HANDLE

submit work {
	list random
}
expect INVALID_HANDLE

destroy random
expect INVALID_HANDLE

# A name is over at once when it is destroyed.
allocation gone size=4096
destroy gone
expect SUCCESS
submit work {
	list gone:w
	fill destination=@gone size=4
}
expect INVALID_HANDLE
upload gone hex=00
expect INVALID_HANDLE
destroy gone
expect INVALID_HANDLE

# The context and its allocation are none the worse.
submit work {
	list data:w
	fill destination=@data size=4 pattern=0x04030201
}
expect SUCCESS
expect bytes data hex=[01 02 03 04]
