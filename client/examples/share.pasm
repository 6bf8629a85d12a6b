# SPDX-License-Identifier: MIT
# An allocation is shared by a token. Who has the token may open it, on another device too.

device first
allocation data size=4096 hex=[01 02 03 04]
share data token=ticket

device second
context work device=second
open view token=ticket device=second
open look token=ticket device=second read_only

submit work {
	list view:w
	fill destination=@view offset=4 size=4 pattern=0x08070605
}
expect SUCCESS
expect bytes data hex=[01 02 03 04 05 06 07 08]

# Read-only is read-only.
submit work {
	list look:w
	fill destination=@look size=4
}
expect ACCESS_DENIED
upload look hex=ff
expect ACCESS_DENIED

# The bytes live as long as somebody has them open.
destroy first
expect bytes look hex=[01 02 03 04 05 06 07 08]

# A token is 128 bits that nobody guesses.
open guessed token=00112233445566778899aabbccddeeff device=second
expect NOT_FOUND
