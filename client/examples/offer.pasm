# An allocation that is offered may lose its content where others want its memory. It cannot be used
# until it is reclaimed, which says what became of the content.
device gpu
context work
allocation cache size=65536

submit work {
	list cache:w
	fill destination=@cache size=65536 pattern=0x11111111
}
offer cache priority=low

submit work {
	list cache:w
	fill destination=@cache size=16 pattern=0x22222222
}
expect GRAPHICS_INVALID_ALLOCATION_USAGE
upload cache hex=00
expect GRAPHICS_INVALID_ALLOCATION_USAGE

# Nobody wanted its memory.
reclaim cache kept
expect bytes cache offset=65532 hex=11111111

# What is not offered is kept, too.
reclaim cache kept
offer cache priority=7
expect INVALID_PARAMETER
expect bytes cache hex=11111111
