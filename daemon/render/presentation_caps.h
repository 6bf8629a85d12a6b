/* SPDX-License-Identifier: MIT */
/*
 * What the adapter says of its GDI operations, DXGK_PRESENTATIONCAPS, with the bits of the
 * documents. The exact semantics are in docs/gdi.md; render refuses what these exclude.
 *
 *   SupportKernelModeCommandBuffer       RenderKm is offered
 *   NoSameBitmapOverlapped{AlphaBlend,StretchBlt}
 *                                        with a mapping that scales there is no order of pixels in
 *                                        which no source pixel is overwritten before it is read,
 *                                        and an engine that may be cut anywhere keeps no copy
 *   (NoSameBitmapOverlappedBitBlt clear) one to one there always is such an order: scrolling works
 *   AlignmentShift 6                     pitches are multiples of 64 bytes
 *   MaxTexture{Width,Height}Shift 3      2^(3 + 11) = PENSTOCK_LIMIT_SURFACE_EXTENT
 *   SupportAllBltRops, SupportMirrorStretchBlt, SupportMonoStretchBltModes
 *                                        a software engine does them as easily as the others
 *   NoTempSurfaceForClearTypeBlend       the engine can read what it draws to
 */
#ifndef PENSTOCK_PRESENTATION_CAPS_H
#define PENSTOCK_PRESENTATION_CAPS_H

#define PENSTOCK_CAP_SUPPORT_KERNEL_MODE_COMMAND_BUFFER    (1u << 2)
#define PENSTOCK_CAP_NO_SAME_BITMAP_OVERLAPPED_ALPHA_BLEND (1u << 6)
#define PENSTOCK_CAP_NO_SAME_BITMAP_OVERLAPPED_STRETCH_BLT (1u << 7)
#define PENSTOCK_CAP_ALIGNMENT_SHIFT(shift)                ((uint32_t)(shift) << 10)
#define PENSTOCK_CAP_MAX_TEXTURE_WIDTH_SHIFT(shift)        ((uint32_t)(shift) << 14)
#define PENSTOCK_CAP_MAX_TEXTURE_HEIGHT_SHIFT(shift)       ((uint32_t)(shift) << 17)
#define PENSTOCK_CAP_SUPPORT_ALL_BLT_ROPS                  (1u << 20)
#define PENSTOCK_CAP_SUPPORT_MIRROR_STRETCH_BLT            (1u << 21)
#define PENSTOCK_CAP_SUPPORT_MONO_STRETCH_BLT_MODES        (1u << 22)
#define PENSTOCK_CAP_NO_TEMP_SURFACE_FOR_CLEARTYPE_BLEND   (1u << 27)

#define PENSTOCK_PRESENTATION_CAPS                                                                 \
	(PENSTOCK_CAP_SUPPORT_KERNEL_MODE_COMMAND_BUFFER |                                         \
	 PENSTOCK_CAP_NO_SAME_BITMAP_OVERLAPPED_ALPHA_BLEND |                                      \
	 PENSTOCK_CAP_NO_SAME_BITMAP_OVERLAPPED_STRETCH_BLT | PENSTOCK_CAP_ALIGNMENT_SHIFT(6) |    \
	 PENSTOCK_CAP_MAX_TEXTURE_WIDTH_SHIFT(3) | PENSTOCK_CAP_MAX_TEXTURE_HEIGHT_SHIFT(3) |      \
	 PENSTOCK_CAP_SUPPORT_ALL_BLT_ROPS | PENSTOCK_CAP_SUPPORT_MIRROR_STRETCH_BLT |             \
	 PENSTOCK_CAP_SUPPORT_MONO_STRETCH_BLT_MODES |                                             \
	 PENSTOCK_CAP_NO_TEMP_SURFACE_FOR_CLEARTYPE_BLEND)

#endif
