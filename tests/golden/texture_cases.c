/* SPDX-License-Identifier: MIT */
/* Textures, storage, and transfers of images. */
#include "tests/golden/graphics_parts.h"

#include <string.h>

/* ---------------------------------------------------------------- textures */

static const struct penstock_pipeline_binding one_texture[] = {
	{ 0, 0, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
};

/* The box of all of the target, through a texture. */
static void draw_texture(struct canvas *canvas, const char *fragment,
			 const struct canvas_image *image, const struct canvas_sampler *sampler,
			 float scale)
{
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = fragment };
	struct penstock_graphics_state state = graphics_box_state(97);
	struct canvas_image color = graphics_target(canvas, 97);
	const float factors[2] = { scale, -0.25f };

	graphics_begin(canvas, &color, NULL);
	canvas_slot(canvas, 9, image, false);
	canvas_image(canvas, AT(0, 0, 0), 9, image, 1);
	canvas_sampler(canvas, AT(0, 0, 0), sampler);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, one_texture, 1, BOX_BYTES));
	graphics_push_box(canvas, -0.9f, -0.8f, 1, 0.9f, graphics_grey, 0.5f, 0.5f);
	canvas_push(canvas, 40, factors, sizeof(factors));
	ROW(canvas, DRAW, 6, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

void graphics_filters(struct canvas *canvas, uint32_t variant)
{
	struct penstock_image description = canvas_describe(RGBA8, 32, 16);
	struct canvas_sampler sampler = { .mag_filter = variant & 1,
					  .min_filter = variant >> 1 & 1,
					  .mipmap_mode = variant >> 2 & 1,
					  .anisotropy = variant == 7 ? 4 : 0,
					  .lod_bias = variant == 5 ? 0.7f : 0,
					  .min_lod = variant == 6 ? 1 : 0,
					  .max_lod = 15 };
	struct canvas_image image;

	description.levels = 5;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	draw_texture(canvas, "texture.frag", &image, &sampler, variant < 2 ? 1.0f : 7.0f);
}

void graphics_addresses(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_sampler sampler = { .mag_filter = 1,
						.address_u = variant % 5,
						.address_v = (variant + 2) % 5,
						.border_color = variant % 6,
						.reduction_mode = variant / 6 };
	/* The driver reduces what has one component. */
	const uint32_t format = sampler.reduction_mode == 0 ? RGBA8 : R8;
	struct canvas_image image = canvas_place(canvas, canvas_describe(format, 16, 16));

	canvas_pattern(canvas, &image);
	draw_texture(canvas, "texture.frag", &image, &sampler, 2.5f);
}

/* Compressed ones among them. */
void graphics_texture_formats(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[TEXTURE_FORMATS] = {
		9,   16,  43,  44,  58,  64,  76,  97,  100, 109, 122, 123, 131, 132,
		133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146,
		147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158,
	};
	const struct canvas_sampler sampler = { .mag_filter = 1, .max_lod = 8 };
	struct penstock_image description = canvas_describe(list[variant], 30, 22);
	struct canvas_image image;

	if (!canvas_has(canvas, list[variant], CANVAS_SAMPLED)) {
		return;
	}
	description.levels = 3;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	draw_texture(canvas, "texture.frag", &image, &sampler, 1.25f);
}

/* The depth of one scope is compared in the next one. */
void graphics_shadows(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_sampler sampler = { .flags = 1,
						.mag_filter = variant & 1,
						.compare_op = variant };
	struct canvas_image color = graphics_target(canvas, RGBA8),
			    depth = graphics_target(canvas, D32);
	struct penstock_graphics_state state = graphics_box_state(RGBA8);

	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 7;
	graphics_draw_depths(canvas, &state, &color, &depth);
	draw_texture(canvas, "shadow.frag", &depth, &sampler, 1);
}

void graphics_swizzles(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t components[] = { 0x03040506, 0x01020304, 0x06050403 };
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "texture.frag" };
	struct canvas_image image = canvas_place(canvas, canvas_describe(RGBA8, 16, 16));
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	struct canvas_image color = graphics_target(canvas, RGBA8);
	const struct canvas_sampler sampler = { .max_lod = 1 };

	image.description.flags = 0x8; /* other formats */
	canvas_pattern(canvas, &image);
	graphics_begin(canvas, &color, NULL);
	canvas_slot(canvas, 1, &image, false);
	ROW(canvas, BIND_IMAGE, 0, 0, 0, 1, 1, variant == 2 ? 43 : 0, components[variant], 1, 0, 1,
	    0, 1);
	canvas_sampler(canvas, AT(0, 0, 0), &sampler);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, one_texture, 1, BOX_BYTES));
	graphics_draw_box(canvas, -1, -1, 1, 1, graphics_grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

void graphics_dimensions(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 1, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 2, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 3, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	static const uint32_t types[] = { 0, 2, 3, 5 };
	const struct canvas_shaders shaders = { .vertex = "box.vert",
						.fragment = "dimensions.frag" };
	struct penstock_image descriptions[4] = { canvas_describe(RGBA8, 32, 1),
						  canvas_describe(RGBA8, 8, 8),
						  canvas_describe(RGBA8, 16, 16),
						  canvas_describe(RGBA8, 16, 16) };
	const struct canvas_sampler sampler = { .mag_filter = variant, .max_lod = 5 };
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	struct canvas_image color = graphics_target(canvas, RGBA8), images[4];

	descriptions[0].type = 0;
	descriptions[1].type = 2;
	descriptions[1].depth = 8;
	descriptions[1].levels = 2;
	descriptions[2].flags = 0x10;
	descriptions[2].layers = 6;
	descriptions[3].layers = 4;
	for (uint32_t i = 0; i < 4; i++) {
		images[i] = canvas_place(canvas, descriptions[i]);
		canvas_pattern(canvas, &images[i]);
	}
	graphics_begin(canvas, &color, NULL);
	for (uint32_t i = 0; i < 4; i++) {
		canvas_slot(canvas, 1 + i, &images[i], false);
		canvas_image(canvas, AT(0, i, 0), 1 + i, &images[i], types[i]);
		canvas_sampler(canvas, AT(0, i, 0), &sampler);
	}
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 4, BOX_BYTES));
	graphics_draw_box(canvas, -1, -1, 1, 1, graphics_grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* Bound one by one, and some of them again between draws. */
void graphics_separate(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 2, PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE, 3, PENSTOCK_STAGE_FRAGMENT },
		{ 3, 1, PENSTOCK_DESCRIPTOR_SAMPLER, 2, PENSTOCK_STAGE_FRAGMENT },
		{ 5, 0, PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "separate.frag" };
	const struct canvas_sampler smooth = { .mag_filter = 1, .max_lod = 1 },
				    rough = { .address_u = 1, .address_v = 1 };
	static const float weights[] = { 0.5f, 0.25f, 0.125f, 0, 0.1f, 0.2f, 0.7f, 0 };
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	struct canvas_image color = graphics_target(canvas, RGBA8), images[3];
	uint64_t address = canvas_put(canvas, weights, sizeof(weights));

	(void)variant;
	for (uint32_t i = 0; i < 3; i++) {
		images[i] = canvas_place(canvas, canvas_describe(RGBA8, 8 + i * 4, 12));
		canvas_pattern(canvas, &images[i]);
	}
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 3, BOX_BYTES));
	for (uint32_t i = 0; i < 3; i++) {
		canvas_slot(canvas, 7, &images[i], false); /* the slot is another each time */
		canvas_image(canvas, AT(0, 2, i), 7, &images[i], 1);
	}
	canvas_sampler(canvas, AT(3, 1, 0), &smooth);
	canvas_sampler(canvas, AT(3, 1, 1), &rough);
	canvas_buffer(canvas, AT(5, 0, 0), address, 16, false);
	graphics_draw_box(canvas, -1, -1, 0, 0, graphics_grey, 0);
	canvas_buffer(canvas, AT(5, 0, 0), address + 16, 16, false);
	graphics_draw_box(canvas, 0, -1, 1, 0, graphics_grey, 0);
	canvas_sampler(canvas, AT(3, 1, 0), &rough);
	graphics_draw_box(canvas, -1, 0, 0, 1, graphics_grey, 0);
	canvas_image(canvas, AT(0, 2, 0), 7, &images[2], 1);
	graphics_draw_box(canvas, 0, 0, 1, 1, graphics_grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

void graphics_texels(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_UNIFORM_TEXEL_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 1, PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	static const uint32_t list[] = { 37, 109, 83, 9 };
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "texels.frag" };
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	struct canvas_image color = graphics_target(canvas, RGBA8);
	uint64_t counts = canvas_room(canvas, 4096 * 4);
	float numbers[4096];

	for (uint32_t i = 0; i < 4096; i++) {
		numbers[i] = (float)i / 4096;
	}
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 2, BOX_BYTES));
	canvas_texels(canvas, AT(0, 0, 0), canvas_put(canvas, numbers, sizeof(numbers)),
		      sizeof(numbers), list[variant], false);
	canvas_texels(canvas, AT(0, 1, 0), counts, 4096 * 4, 98, true);
	graphics_draw_box(canvas, -1, -1, 1, 1, graphics_grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

void graphics_storage(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_STORAGE_IMAGE, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 1, PENSTOCK_DESCRIPTOR_STORAGE_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	const struct canvas_shaders shaders = { .vertex = "plain.vert", .fragment = "store.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8),
			    image = graphics_target(canvas, RGBA8);

	(void)variant;
	canvas_pattern(canvas, &image);
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 2, 0));
	canvas_slot(canvas, 3, &image, true);
	canvas_image(canvas, AT(0, 0, 0), 3, &image, 1);
	canvas_buffer(canvas, AT(0, 1, 0), canvas_room(canvas, 16), 16, true);
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
	canvas_read_back(canvas, &image, 0, 0);
}

/* The same in a dispatch, whose workgroups are said here or in memory. */
void graphics_compute(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_STORAGE_IMAGE, 1, PENSTOCK_STAGE_COMPUTE },
		{ 0, 1, PENSTOCK_DESCRIPTOR_STORAGE_IMAGE, 1, PENSTOCK_STAGE_COMPUTE },
		{ 0, 2, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_COMPUTE },
	};
	const struct canvas_shaders shaders = { .compute = "store.comp" };
	const struct canvas_sampler sampler = { .mag_filter = 1 };
	static const uint32_t groups[] = { 8, 5, 1 };
	struct canvas_image image = graphics_target(canvas, RGBA8),
			    source = graphics_target(canvas, RGBA8);

	canvas_pattern(canvas, &image);
	canvas_pattern(canvas, &source);
	canvas_slot(canvas, 3, &image, true);
	canvas_image(canvas, AT(0, 0, 0), 3, &image, 1);
	canvas_slot(canvas, 4, &source, false);
	canvas_image(canvas, AT(0, 1, 0), 4, &source, 1);
	canvas_image(canvas, AT(0, 2, 0), 4, &source, 1);
	canvas_sampler(canvas, AT(0, 2, 0), &sampler);
	canvas_bind(canvas, canvas_pipeline(canvas, NULL, &shaders, bindings, 3, 0));
	if (variant == 0) {
		ROW(canvas, DISPATCH, 8, 7, 1, 0, 1, 0);
	} else {
		canvas_indirect(canvas, canvas_put(canvas, groups, sizeof(groups)), sizeof(groups));
		stream_append(&canvas->stream, PENSTOCK_DMA_DISPATCH_INDIRECT, 0);
	}
	canvas_read_back(canvas, &image, 0, 0);
}

void graphics_constants(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert",
						.fragment = "constant.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8);

	(void)variant;
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* What one scope draws is read by the next one, where it draws; its depth likewise. */
void graphics_inputs(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 1, PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 2, PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "input.frag" };
	const uint32_t format = variant == 0 ? RGBA8 : 97;
	struct canvas_image before = graphics_target(canvas, format),
			    depth = graphics_target(canvas, D32), targets[2];
	struct penstock_graphics_state state = graphics_box_state(format);

	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 7;
	graphics_draw_depths(canvas, &state, &before, &depth);
	state = graphics_box_state(RGBA8);
	state.color_count = 2;
	state.color_formats[1] = RGBA8;
	state.blends[1] = state.blends[0];
	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, 1, 0);
	for (uint32_t i = 0; i < 2; i++) {
		targets[i] = graphics_target(canvas, RGBA8);
		canvas_slot(canvas, i, &targets[i], true);
		canvas_color(canvas, i, i, graphics_grey);
	}
	canvas_slot(canvas, 2, &before, false);
	canvas_slot(canvas, 3, &depth, false);
	canvas_image(canvas, AT(0, 0, 0), 2, &before, 1);
	canvas_image(canvas, AT(0, 1, 0), 3, &depth, 1);
	canvas_image(canvas, AT(0, 2, 0), 2, &before, 1);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 3, BOX_BYTES));
	graphics_draw_box(canvas, -0.9f, -0.7f, 0.8f, 0.6f, graphics_triangle[1].color, 0);
	graphics_draw_box(canvas, 0.1f, -1, 1, 1, graphics_triangle[0].color, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &targets[0], 0, 0);
	canvas_read_back(canvas, &targets[1], 0, 0);
}

void graphics_cubes(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "cubes.frag" };
	const struct canvas_sampler sampler = { .mag_filter = variant,
						.min_filter = variant,
						.max_lod = 3 };
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	struct penstock_image description = canvas_describe(RGBA8, 16, 16);
	struct canvas_image color = graphics_target(canvas, RGBA8), image;

	description.flags = 0x10; /* cubes */
	description.layers = 18;
	description.levels = 3;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	graphics_begin(canvas, &color, NULL);
	canvas_slot(canvas, 1, &image, false);
	/* The second cube and the third. */
	ROW(canvas, BIND_IMAGE, 0, 0, 0, 1, 6, 0, 0, 0, 0, 3, 6, 12);
	canvas_sampler(canvas, AT(0, 0, 0), &sampler);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, one_texture, 1, BOX_BYTES));
	graphics_draw_box(canvas, -1, -1, 1, 1, graphics_grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* What Vulkan has dynamic offsets for: the same buffer in each set, from elsewhere on each time. */
void graphics_offsets(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 1, 3, PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 2, 0, PENSTOCK_DESCRIPTOR_STORAGE_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "offsets.frag" };
	struct penstock_graphics_state state = graphics_box_state(97);
	struct canvas_image color = graphics_target(canvas, 97);
	uint64_t address;
	float numbers[64];

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(numbers); i++) {
		numbers[i] = (float)(i * 7 % 64) / 64;
	}
	address = canvas_put(canvas, numbers, sizeof(numbers));
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 3, BOX_BYTES));
	canvas_buffer(canvas, AT(0, 0, 0), address, 16, false);
	canvas_buffer(canvas, AT(1, 3, 0), address, 32, false);
	canvas_buffer(canvas, AT(2, 0, 0), address, 16, false);
	for (uint32_t i = 0; i < 6; i++) {
		const uint64_t at = address + (i + variant * 3) * 16;
		const float left = -1 + (float)i / 3;

		switch (i % 3) {
		case 0:
			canvas_buffer(canvas, AT(0, 0, 0), at, 16, false);
			break;
		case 1:
			canvas_buffer(canvas, AT(1, 3, 0), at, 32, false);
			break;
		default:
			canvas_buffer(canvas, AT(2, 0, 0), at, 12 + i * 8, false);
			break;
		}
		graphics_draw_box(canvas, left, -1, left + 0.3f, 1, graphics_grey, 0);
	}
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* ---------------------------------------------------------------- transfers */

/* A part of an image to a part of another, of a level and layers. */
void graphics_copies(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[][2] = {
		{ 37, 43 }, { 109, 109 }, { 131, 131 }, { 124, 124 }, { 103, 131 }
	};
	struct penstock_image from = canvas_describe(list[variant][0], 64, 48),
			      to = canvas_describe(list[variant][1], 80, 64);
	struct canvas_image source, destination;
	uint32_t aspects = list[variant][0] == 124 ? 2 : 0;

	from.levels = to.levels = 2;
	from.layers = to.layers = 3;
	source = canvas_place(canvas, from);
	destination = canvas_place(canvas, to);
	for (uint32_t i = 0; i < 2; i++) {
		const struct canvas_image *image = i == 0 ? &source : &destination;

		if (aspects != 0) {
			canvas_slot(canvas, 0, image, true);
			ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 2, 0, 3,
			    canvas_bits(0.25f + 0.5f * (float)i), 0);
		} else {
			canvas_pattern(canvas, image);
		}
	}
	canvas_slot(canvas, 1, &source, false);
	canvas_slot(canvas, 2, &destination, true);
	ROW(canvas, COPY_IMAGE, 1, 2, 2, aspects, 1, 0, aspects, 0, 1, 4, 8, 0, 12, 20, 0,
	    variant == 4 ? 5 : 16, variant == 4 ? 3 : 12, 1);
	canvas_read_back(canvas, &destination, 0, aspects);
	canvas_read_back(canvas, &destination, 1, aspects);
}

/* Rows that are longer than the region, of one aspect. */
void graphics_pitches(struct canvas *canvas, uint32_t variant)
{
	static const struct {
		uint32_t format, aspects, bytes;
	} list[] = { { 37, 0, 4 }, { 130, 4, 1 }, { 130, 2, 4 }, { 131, 0, 8 } };
	uint32_t format = list[variant].format, bytes = list[variant].bytes;
	struct penstock_image description = canvas_describe(format, 32, 32);
	bool compressed = format == 131;
	uint32_t row = compressed ? 40 : 25, block = compressed ? 4 : 1;
	uint32_t size = ((2 - 1) * (row / block) * (24 / block) + (16 / block - 1) * (row / block) +
			 16 / block) *
			bytes;
	struct canvas_image image;
	uint64_t from, to = canvas_room(canvas, size);
	uint8_t noise[8192];
	struct machine_random random = { .state = 5 };

	for (uint32_t i = 0; i < sizeof(noise); i++) {
		noise[i] = (uint8_t)(machine_random(&random) & 0x3f);
	}
	from = canvas_put(canvas, noise, size);
	description.layers = 3;
	image = canvas_place(canvas, description);
	if (format == 130) {
		canvas_slot(canvas, 0, &image, true);
		ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 1, 0, 3, canvas_bits(0.25f), 9);
	} else {
		canvas_pattern(canvas, &image);
	}
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, COPY_BUFFER_TO_IMAGE, 0, (uint32_t)from, (uint32_t)(from >> 32), size, 0, 0,
	    row, 24, list[variant].aspects, 0, 1, 2, 4, 8, 0, 16, 16, 1);
	canvas_slot(canvas, 0, &image, false);
	ROW(canvas, COPY_IMAGE_TO_BUFFER, 0, (uint32_t)to, (uint32_t)(to >> 32), size, 0, 0, row,
	    24, list[variant].aspects, 0, 1, 2, 8, 12, 0, 16, 16, 1);
	canvas_read_back(canvas, &image, 0, list[variant].aspects == 0 ? 0 : list[variant].aspects);
}

void graphics_blits(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[][2] = { { 37, 37 }, { 37, 97 }, { 109, 43 },
					    { 64, 44 }, { 9, 37 },  { 41, 41 } };
	uint32_t filter = list[variant % 6][0] == 41 ? 0 : variant / 6;
	struct canvas_image source =
		canvas_place(canvas, canvas_describe(list[variant % 6][0], 40, 30));
	struct canvas_image destination =
		canvas_place(canvas, canvas_describe(list[variant % 6][1], 64, 64));

	canvas_pattern(canvas, &source);
	canvas_pattern(canvas, &destination);
	canvas_slot(canvas, 1, &source, false);
	canvas_slot(canvas, 2, &destination, true);
	ROW(canvas, BLIT_IMAGE, 1, 2, 1, filter, 0, 0, 0, 0, 0, 3, 4, 0, 37, 29, 1, 5, 60, 0, 55, 9,
	    1);
	canvas_read_back(canvas, &destination, 0, 0);
}

void graphics_mip_chain(struct canvas *canvas, uint32_t variant)
{
	struct penstock_image description = canvas_describe(RGBA8, 64, 32);
	struct canvas_image image;

	(void)variant;
	description.levels = 7;
	description.layers = 2;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	for (uint32_t level = 1; level < 7; level++) {
		uint32_t width = 64u >> level, height = 32u >> level == 0 ? 1 : 32u >> level;

		canvas_slot(canvas, 0, &image, true);
		ROW(canvas, BLIT_IMAGE, 0, 0, 2, 1, 0, level - 1, 0, level, 0, 0, 0, 0, width * 2,
		    height * 2 > 32u >> (level - 1) ? 1 : height * 2, 1, 0, 0, 0, width, height, 1);
	}
	for (uint32_t level = 0; level < 7; level++) {
		canvas_read_back(canvas, &image, level, 0);
	}
}

void graphics_clears(struct canvas *canvas, uint32_t variant)
{
	static const struct {
		uint32_t format, aspects;
	} list[] = { { 37, 0 },  { 109, 0 }, { 41, 0 }, { 126, 2 },
		     { 129, 4 }, { 130, 2 }, { 122, 0 } };
	struct penstock_image description = canvas_describe(list[variant].format, 32, 20);
	uint32_t aspects = list[variant].aspects;
	uint32_t number = list[variant].format == 41 ? 77 : canvas_bits(0.3f);
	struct canvas_image image;

	description.levels = 3;
	description.layers = 4;
	image = canvas_place(canvas, description);
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 3, 0, 4, canvas_bits(0.75f), 3, 5, 9);
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, CLEAR_IMAGE, 0, aspects, 1, 2, 1, 2, number, aspects == 0 ? number : 0xa5, 0,
	    number);
	for (uint32_t level = 0; level < 3; level++) {
		canvas_read_back(canvas, &image, level, aspects);
	}
}
