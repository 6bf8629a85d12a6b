# SPDX-License-Identifier: MIT
# GDI records draw a picture. Run it, then open picture.png.

device gpu
context draw gdi

allocation picture width=160 height=120 format=X8R8G8B8
allocation tile width=2 height=2 format=A8R8G8B8 hex=[
	ff 00 00 ff  00 00 ff ff        # blue, red: the bytes of a pixel are B G R A
]

# The pitch of a surface is a multiple of 64 bytes, so the second row of the tile is further on.
upload tile offset=64 hex=[00 ff 00 ff  ff ff ff ff]

submit draw km {
	list picture:w tile

	# a background, a frame, a bar
	colorfill destination=@picture destination_rect=(0,0,160,120) color=0xff203040 rop=1 sub_rects=[
		(0,0,160,120)]
	colorfill destination=@picture destination_rect=(0,0,160,120) color=0xffe0e0e0 rop=1 sub_rects=[
		(10,10,150,11) (10,109,150,110) (10,11,11,109) (149,11,150,109)]

	# the tile as it is, and thirty times as large
	bitblt source=@tile source_rect=(0,0,2,2) destination=@picture destination_rect=(2,2,4,4) rop=1 sub_rects=[
		(2,2,4,4)]
	stretchblt source=@tile source_rect=(0,0,2,2) destination=@picture destination_rect=(50,30,110,90) mode=3 sub_rects=[
		(50,30,110,90)]

	# PATINVERT turns the colours of a bar over
	colorfill destination=@picture destination_rect=(0,0,160,120) color=0x00ffffff rop=2 sub_rects=[
		(120,30,140,90)]
}
expect SUCCESS

expect pixels picture x=0 y=0 color=0x00203040
expect pixels picture rect=(10,10,150,11) color=0x00e0e0e0
expect pixels picture rect=(50,30,80,60) color=0x000000ff
expect pixels picture rect=(80,30,110,60) color=0x00ff0000
expect pixels picture rect=(50,60,80,90) color=0x0000ff00
expect pixels picture rect=(80,60,110,90) color=0x00ffffff
expect pixels picture rect=(120,30,140,90) color=0x00dfcfbf

read picture png="picture.png"
print hash picture
