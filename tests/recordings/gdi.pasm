# SPDX-License-Identifier: MIT
# The seven GDI operations, each on a surface small enough to be read back whole.

device gpu
context draw gdi

allocation target width=16 height=16 format=A8R8G8B8 type=STAGING
allocation other width=16 height=16 format=A8R8G8B8
allocation tile width=2 height=2 format=A8R8G8B8 hex=[ff 00 00 ff  00 00 ff 80]
allocation coverage width=32 height=8 format=A8 hex=[00 10 20 40 80 a0 c0 ff]
allocation gamma width=512 height=16 format=A8 type=LOOKUPTABLE
allocation scratch width=32 height=16 format=A8R8G8B8
upload tile offset=64 hex=[00 ff 00 40  ff ff ff ff]
upload gamma offset=16 hex=[01 03 05 07 09 0b 0d 0f]

submit draw km {
	list target:w other:w tile coverage gamma
	colorfill destination=@target destination_rect=(0,0,16,16) color=0xff203040 rop=1 sub_rects=[
		(0,0,16,16)]
	colorfill destination=@target destination_rect=(0,0,16,16) color=0x00ffffff rop=2 sub_rects=[
		(4,4,8,8) (12,0,16,2)]
	bitblt source=@tile source_rect=(0,0,2,2) destination=@target destination_rect=(1,1,3,3) rop=1 sub_rects=[
		(1,1,3,3)]
}
expect SUCCESS
read target size=1024 file="/dev/null"

submit draw km {
	list target:w other:w tile coverage gamma
	bitblt source=@target source_rect=(0,0,8,8) destination=@other destination_rect=(8,8,16,16) rop=1 sub_rects=[
		(8,8,16,16)]
	stretchblt source=@tile source_rect=(0,0,2,2) destination=@other destination_rect=(0,0,8,6) mode=3 sub_rects=[
		(0,0,8,6)]
	stretchblt source=@tile source_rect=(0,0,2,2) destination=@target destination_rect=(9,9,15,15) mode=2 sub_rects=[
		(9,9,15,12) (9,12,15,15)]
	alphablend source=@other source_rect=(0,0,8,8) destination=@target destination_rect=(0,0,8,8) source_constant_alpha=200 source_has_alpha=1 sub_rects=[
		(0,0,8,8)]
	transparentblt source=@tile source_rect=(0,0,2,2) destination=@target destination_rect=(8,2,10,4) color=0xff0000ff sub_rects=[
		(8,2,10,4)]
	escape data=[0x55 0x66]
}
expect SUCCESS
submit draw km if_predecessor_ran {
	list target:w scratch:w coverage gamma
	cleartypeblend temporary=@scratch gamma_table=@gamma alpha=@coverage destination=@target destination_rect=(0,0,16,16) alpha_offset_x=0 alpha_offset_y=0 color=0xff102030 color2=0xff405060 gamma=0 sub_rects=[
		(0,0,8,4)]
	cleartypeblend temporary=@scratch gamma_table=@gamma alpha=@coverage destination=@target destination_rect=(0,0,16,16) alpha_offset_x=0 alpha_offset_y=0 color=0xff102030 color2=0xff405060 gamma=0xffffffff sub_rects=[
		(8,6,10,8)]
}
expect SUCCESS
sync
read target size=1024 file="/dev/null"
read other size=1024 file="/dev/null"
print hash target
