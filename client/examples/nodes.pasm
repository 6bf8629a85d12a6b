# SPDX-License-Identifier: MIT
# Two nodes take turns: node 0 fills, node 1 copies what it filled, and node 0 goes on when that is
# done. Neither context knows of the other; a synchronisation object orders them.
device gpu
context render
context copy node=1
allocation work size=4096
allocation kept size=8192
sync_object turn

wait turn value=1 context=copy
submit copy {
	list work kept:w
	copy source=@work destination=@kept size=4096
}
signal turn value=2 context=copy
wait turn value=3 context=copy
submit copy {
	list work kept:w
	copy source=@work destination=@kept destination_offset=4096 size=4096
}
signal turn value=4 context=copy

submit render {
	list work:w
	fill destination=@work size=4096 pattern=0x11111111
}
signal turn value=1 context=render
wait turn value=2 context=render
submit render {
	list work:w
	fill destination=@work size=4096 pattern=0x22222222
}
signal turn value=3 context=render

# The script waits itself, too.
wait turn value=4
expect SUCCESS
expect bytes kept offset=0 hex=[11 11 11 11]
expect bytes kept offset=4092 hex=[11 11 11 11 22 22 22 22]
expect value turn is=4

# Another opening of it, and what a signal of a smaller value does: nothing.
share turn token=ours
open_sync_object other token=ours
signal other value=2
expect SUCCESS
expect value turn is=4
signal other value=0xffffffffffffffff
expect value turn is=0xffffffffffffffff
destroy turn
expect SUCCESS
wait turn value=1
expect INVALID_HANDLE
wait turn value=1 context=render
expect INVALID_HANDLE
