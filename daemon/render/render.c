/* SPDX-License-Identifier: MIT */
/*
 * The walk: cuts instructions off the command buffer, judges opcode, privilege, stream, node,
 * length and reserved fields, and hands each to its handler. Pure; any thread.
 */
#include "daemon/render/render.h"

#include "daemon/render/refusal.h"
#include "daemon/render/walk.h"
#include "proto/wire/limits.h"

/* ------------------------------------------------------------------ tables */

#define OPERAND(...)

/* NULL: privileged, refused before anything asks for a handler. */
static penstock_render_handler *const handlers[PENSTOCK_INSTRUCTION_COUNT] = {
	[PENSTOCK_INSTRUCTION_NOP] = penstock_render_nop,
	[PENSTOCK_INSTRUCTION_MARKER] = penstock_render_marker,
	[PENSTOCK_INSTRUCTION_FILL] = penstock_render_fill,
	[PENSTOCK_INSTRUCTION_COPY] = penstock_render_copy,
	[PENSTOCK_INSTRUCTION_COPY_ROWS] = penstock_render_copy_rows,
	[PENSTOCK_INSTRUCTION_UPDATE] = penstock_render_update,
	[PENSTOCK_INSTRUCTION_SPIN] = penstock_render_spin,
	[PENSTOCK_INSTRUCTION_TIMESTAMP] = penstock_render_timestamp,
	[PENSTOCK_INSTRUCTION_BIND_PIPELINE] = penstock_render_bind_pipeline,
	[PENSTOCK_INSTRUCTION_BIND_BUFFER] = penstock_render_bind_buffer,
	[PENSTOCK_INSTRUCTION_BIND_BUFFER_WRITE] = penstock_render_bind_buffer,
	[PENSTOCK_INSTRUCTION_PUSH_CONSTANTS] = penstock_render_push_constants,
	[PENSTOCK_INSTRUCTION_IMAGE] = penstock_render_image,
	[PENSTOCK_INSTRUCTION_IMAGE_WRITE] = penstock_render_image,
	[PENSTOCK_INSTRUCTION_BIND_IMAGE] = penstock_render_bind_image,
	[PENSTOCK_INSTRUCTION_BIND_SAMPLER] = penstock_render_bind_sampler,
	[PENSTOCK_INSTRUCTION_BIND_TEXEL_BUFFER] = penstock_render_bind_texel_buffer,
	[PENSTOCK_INSTRUCTION_BIND_TEXEL_BUFFER_WRITE] = penstock_render_bind_texel_buffer,
	[PENSTOCK_INSTRUCTION_BEGIN_RENDERING] = penstock_render_begin_rendering,
	[PENSTOCK_INSTRUCTION_COLOR_TARGET] = penstock_render_color_target,
	[PENSTOCK_INSTRUCTION_DEPTH_STENCIL_TARGET] = penstock_render_depth_stencil_target,
	[PENSTOCK_INSTRUCTION_VERTEX_BUFFER] = penstock_render_vertex_buffer,
	[PENSTOCK_INSTRUCTION_INDEX_BUFFER] = penstock_render_index_buffer,
	[PENSTOCK_INSTRUCTION_VIEWPORT] = penstock_render_viewport,
	[PENSTOCK_INSTRUCTION_SCISSOR] = penstock_render_scissor,
	[PENSTOCK_INSTRUCTION_STATE] = penstock_render_state,
	[PENSTOCK_INSTRUCTION_BLEND_CONSTANTS] = penstock_render_blend_constants,
	[PENSTOCK_INSTRUCTION_DEPTH_BIAS] = penstock_render_depth_bias,
	[PENSTOCK_INSTRUCTION_DEPTH_BOUNDS] = penstock_render_depth_bounds,
	[PENSTOCK_INSTRUCTION_STENCIL] = penstock_render_stencil,
	[PENSTOCK_INSTRUCTION_INDIRECT_BUFFER] = penstock_render_indirect_buffer,
	[PENSTOCK_INSTRUCTION_COUNT_BUFFER] = penstock_render_count_buffer,
	[PENSTOCK_INSTRUCTION_BEGIN_QUERY] = penstock_render_begin_query,
	[PENSTOCK_INSTRUCTION_END_QUERY] = penstock_render_end_query,
	[PENSTOCK_INSTRUCTION_DRAW] = penstock_render_draw,
	[PENSTOCK_INSTRUCTION_DRAW_INDEXED] = penstock_render_draw_indexed,
	[PENSTOCK_INSTRUCTION_DRAW_INDIRECT] = penstock_render_draw_indirect,
	[PENSTOCK_INSTRUCTION_DRAW_INDEXED_INDIRECT] = penstock_render_draw_indirect,
	[PENSTOCK_INSTRUCTION_CLEAR_TARGET] = penstock_render_clear_target,
	[PENSTOCK_INSTRUCTION_DISPATCH] = penstock_render_dispatch,
	[PENSTOCK_INSTRUCTION_DISPATCH_INDIRECT] = penstock_render_dispatch_indirect,
	[PENSTOCK_INSTRUCTION_COPY_BUFFER_TO_IMAGE] = penstock_render_copy_image_and_buffer,
	[PENSTOCK_INSTRUCTION_COPY_IMAGE_TO_BUFFER] = penstock_render_copy_image_and_buffer,
	[PENSTOCK_INSTRUCTION_COPY_IMAGE] = penstock_render_copy_image,
	[PENSTOCK_INSTRUCTION_BLIT_IMAGE] = penstock_render_blit_image,
	[PENSTOCK_INSTRUCTION_RESOLVE_IMAGE] = penstock_render_resolve_image,
	[PENSTOCK_INSTRUCTION_CLEAR_IMAGE] = penstock_render_clear_image,
	[PENSTOCK_INSTRUCTION_END_RENDERING] = penstock_render_end_rendering,
	[PENSTOCK_INSTRUCTION_BITBLT] = penstock_render_bitblt,
	[PENSTOCK_INSTRUCTION_COLORFILL] = penstock_render_colorfill,
	[PENSTOCK_INSTRUCTION_ALPHABLEND] = penstock_render_alphablend,
	[PENSTOCK_INSTRUCTION_STRETCHBLT] = penstock_render_stretchblt,
	[PENSTOCK_INSTRUCTION_ESCAPE] = penstock_render_nop,
	[PENSTOCK_INSTRUCTION_TRANSPARENTBLT] = penstock_render_transparentblt,
	[PENSTOCK_INSTRUCTION_CLEARTYPEBLEND] = penstock_render_cleartypeblend,
};

/*
 * What a walk offers is one of 32: KM stream (1), node 0 (2), test instructions (4), pipelines (8),
 * inside a group (16). A rule has a bit for each in which its instruction is legal; an opcode
 * without an instruction has none.
 */
#define STREAM_RENDER  0x55555555u
#define STREAM_KM      0xAAAAAAAAu
#define NODE_ANY       0x0000FFFFu
#define NODE_RENDER    0x0000CCCCu
#define NODE_PIPELINES 0xCC00CC00u
#define USER           0xFFFFFFFFu
#define PRIVILEGED     0x00000000u
#define TEST           0xF0F0F0F0u
#define GROUP_SHIFT    16u

/* Bits that no length behind the fixed part has: those of a difference that wrapped. */
#define NEGATIVE ~(PENSTOCK_LIMIT_INSTRUCTION_DWORDS * 4u | 3u)

struct rule {
	uint32_t trailing_mask; /* bits that the length behind the fixed part must not have */
	uint32_t legal;
	uint16_t bytes;
	uint8_t id;
};

#define RULE_COUNT 0x100u

static const struct rule rules[RULE_COUNT + 1] = {
#define INSTRUCTION(name, mnemonic, opcode, stream_, nodes_, privilege_, bytes_, element_bytes,    \
		    dma_bytes, dma_element_bytes, patches, summary)                                \
	[opcode] = {                                                                               \
		.trailing_mask =                                                                   \
			(element_bytes) == 0 ? UINT32_MAX : ((element_bytes)-1u) | NEGATIVE,       \
		.bytes = bytes_,                                                                   \
		.legal = STREAM_##stream_ & nodes_ & privilege_,                                   \
		.id = PENSTOCK_INSTRUCTION_##name,                                                 \
	},
#include "proto/isa/instructions.def"
#undef INSTRUCTION
};

#define INSTRUCTION(name, mnemonic, opcode, ...)                                                   \
	_Static_assert(opcode < RULE_COUNT, #name " needs a longer table");
#include "proto/isa/instructions.def"
#undef INSTRUCTION

/* ------------------------------------------------------------------ refusing */

const uint8_t *penstock_walk_refuse(struct penstock_walk *walk, const uint8_t *bytes,
				    enum penstock_status status, const char *operand,
				    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	penstock_refusal_at(walk->refusal, status, (uint32_t)(bytes - walk->command), bytes,
			    operand, format, arguments);
	va_end(arguments);
	walk->status = status;
	return NULL;
}

const uint8_t *penstock_walk_refuse_index(struct penstock_walk *walk, const uint8_t *bytes,
					  const char *operand, uint32_t index)
{
	if (index >= walk->allocation_count) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_HANDLE, operand,
					    "%s is index %u of an allocation list of %u elements",
					    operand, index, walk->allocation_count);
	}
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_HANDLE, operand,
				    "%s is index %u, a NULL element of the allocation list",
				    operand, index);
}

const uint8_t *penstock_walk_refuse_write(struct penstock_walk *walk, const uint8_t *bytes,
					  const char *operand, uint32_t index)
{
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				    "%s is written, but allocation %u is listed without "
				    "WriteOperation",
				    operand, index);
}

/* Why the rule of the instruction does not let it pass. */
static const uint8_t *refuse_opcode(struct penstock_walk *walk, const uint8_t *bytes)
{
	const uint32_t offered = walk->offered;
	uint16_t opcode = penstock_header_opcode(penstock_load32(bytes));
	const struct penstock_instruction *instruction = penstock_instruction_by_opcode(opcode);
	enum penstock_stream stream =
		(offered & STREAM_KM) != 0 ? PENSTOCK_STREAM_KM : PENSTOCK_STREAM_RENDER;

	if (instruction == NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "there is no opcode 0x%04x", opcode);
	}
	if (instruction->privilege == PENSTOCK_PRIVILEGED) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION, "",
					    "only the daemon may issue it");
	}
	if (instruction->stream != stream) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    stream == PENSTOCK_STREAM_KM
						    ? "not legal in a RenderKm command buffer"
						    : "legal in a RenderKm command buffer only");
	}
	if (instruction->privilege == PENSTOCK_TEST && (offered & TEST) == 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "this adapter does not offer test instructions");
	}
	if (instruction->nodes == PENSTOCK_NODE_PIPELINES && (offered & NODE_RENDER) != 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "this adapter has no pipelines");
	}
	if (walk->group.start != NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "it stands inside the group that begins at byte 0x%x",
					    (unsigned)(walk->group.start - walk->command));
	}
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
				    "the node of this context does not have it");
}

static const uint8_t *refuse_length(struct penstock_walk *walk, const uint8_t *bytes,
				    uint32_t length)
{
	const struct rule *rule = &rules[penstock_header_opcode(penstock_load32(bytes))];
	uint32_t remaining = (uint32_t)(walk->end - bytes);

	if (length > remaining) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_USER_BUFFER, "",
					    "%u bytes long, but only %u are left", length,
					    remaining);
	}
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_USER_BUFFER, "",
				    "%u bytes long; its fixed part has %u%s", length, rule->bytes,
				    length < rule->bytes || rule->trailing_mask == UINT32_MAX
					    ? ""
					    : ", and the rest is no whole number of elements");
}

static const uint8_t *refuse_reserved(struct penstock_walk *walk, const uint8_t *bytes)
{
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "",
				    "a reserved field is not zero");
}

/* ------------------------------------------------------------------ room */

bool penstock_walk_full(struct penstock_walk *walk, const uint8_t *bytes, uint32_t dma_bytes,
			uint32_t entries)
{
	if (dma_bytes > walk->dma_capacity || entries > walk->patch_capacity) {
		penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_USER_BUFFER, "",
				     "needs %u DMA bytes and %u patch locations; an empty DMA "
				     "buffer of this context has %u and %u",
				     dma_bytes, entries, walk->dma_capacity, walk->patch_capacity);
		return false;
	}
	if (walk->stopped == NULL) {
		walk->stopped = bytes;
		penstock_dma_writer_close(&walk->dma);
	}
	return walk->first_pass;
}

const uint8_t *penstock_walk_skip(struct penstock_walk *walk, const uint8_t *to)
{
	if (walk->stopped != NULL || to == walk->end ||
	    penstock_crumbs_lay(&walk->crumbs, penstock_dma_writer_length(&walk->dma),
				(uint32_t)(to - walk->command))) {
		return to;
	}
	return penstock_walk_full(walk, to, 0, 0) ? to : NULL;
}

/* ------------------------------------------------------------------ groups */

void penstock_walk_open_group(struct penstock_walk *walk, const uint8_t *bytes)
{
	walk->group = (struct penstock_group){ .start = bytes };
	walk->offered <<= GROUP_SHIFT;
}

void penstock_walk_close_group(struct penstock_walk *walk)
{
	walk->group.start = NULL;
	walk->offered >>= GROUP_SHIFT;
}

/* ------------------------------------------------------------------ the walk */

static uint32_t offer(const struct penstock_render_caps *caps)
{
	return 1u << ((caps->km ? 1u : 0u) | (caps->node_ordinal == 0 ? 2u : 0u) |
		      (caps->test_instructions ? 4u : 0u) | (caps->pipelines ? 8u : 0u));
}

static const uint8_t *walk_one(struct penstock_walk *walk, const uint8_t *bytes)
{
	uint32_t remaining = (uint32_t)(walk->end - bytes);
	const struct rule *rule;
	uint32_t header, opcode, length;

	header = penstock_load32(bytes);
	opcode = penstock_header_opcode(header);
	length = penstock_header_length(header);
	rule = &rules[opcode < RULE_COUNT ? opcode : RULE_COUNT];
	if (PENSTOCK_UNLIKELY((rule->legal & walk->offered) == 0)) {
		return refuse_opcode(walk, bytes);
	}
	if (PENSTOCK_UNLIKELY(length > remaining) ||
	    PENSTOCK_UNLIKELY(((length - rule->bytes) & rule->trailing_mask) != 0)) {
		return refuse_length(walk, bytes, length);
	}
	if (PENSTOCK_UNLIKELY(!penstock_layout_reserved_zero(
		    &penstock_instructions[rule->id].layout, bytes))) {
		return refuse_reserved(walk, bytes);
	}
	return handlers[rule->id](walk, bytes, length);
}

/* Part by part: from each on, a DMA offset can be told without looking at what is before it. */
static const uint8_t *walk_part(struct penstock_walk *walk, const uint8_t *bytes)
{
	const size_t left = (size_t)(walk->end - bytes);

	walk->part_end =
		left > PENSTOCK_CRUMBS_PART_BYTES ? bytes + PENSTOCK_CRUMBS_PART_BYTES : walk->end;
	while (bytes != NULL && walk->part_end - bytes >= PENSTOCK_HEADER_BYTES) {
		bytes = walk_one(walk, bytes);
	}
	return bytes;
}

/* The DMA instruction that comes next is of the group, where one is open. */
static bool begin_part(struct penstock_walk *walk, const uint8_t *bytes)
{
	return penstock_walk_skip(walk, walk->group.start != NULL ? walk->group.start : bytes) !=
	       NULL;
}

static void walk_all(struct penstock_walk *walk, const uint8_t *bytes)
{
	bytes = walk_part(walk, bytes);
	while (bytes != NULL && walk->end - bytes >= PENSTOCK_HEADER_BYTES) {
		bytes = begin_part(walk, bytes) ? walk_part(walk, bytes) : NULL;
	}
	if (bytes == walk->end && walk->group.start != NULL) {
		(void)penstock_walk_refuse(
			walk, walk->group.start, PENSTOCK_STATUS_INVALID_PARAMETER, "",
			walk->group.scope ? "the render scope that begins here has no end"
					  : "the group that begins here has no dispatch "
					    "or transfer");
	} else if (bytes != NULL && bytes != walk->end) {
		walk->status = PENSTOCK_STATUS_INVALID_USER_BUFFER;
		penstock_refusal_set(walk->refusal, walk->status, (uint32_t)(bytes - walk->command),
				     "%u bytes at byte 0x%x are less than an instruction",
				     (unsigned)(walk->end - bytes),
				     (unsigned)(bytes - walk->command));
	}
}

/* Where this pass starts, in bytes from the start of the command buffer. */
static enum penstock_status start_of_pass(const struct penstock_render_args *args,
					  struct penstock_refusal *ret_refusal, uint32_t *ret_start)
{
	uint32_t start = args->command_offset;
	uint32_t step = (uint32_t)args->multipass_offset;

	if (args->command_length > PENSTOCK_LIMIT_COMMAND_BYTES || start > args->command_length) {
		penstock_refusal_set(ret_refusal, PENSTOCK_STATUS_INVALID_USER_BUFFER, 0,
				     "command offset 0x%x, length 0x%x, limit 0x%x bytes", start,
				     args->command_length, PENSTOCK_LIMIT_COMMAND_BYTES);
		return PENSTOCK_STATUS_INVALID_USER_BUFFER;
	}
	if (start % 4 != 0) {
		penstock_refusal_set(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER, 0,
				     "command offset 0x%x is no multiple of 4", start);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (args->multipass_offset != 0) {
		start = (uint32_t)(args->multipass_offset >> 32);
	}
	if (step != 0 || start % 4 != 0 || start < args->command_offset ||
	    start > args->command_length) {
		penstock_refusal_set(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER, 0,
				     "no pass of this command buffer ended at 0x%x, step %u", start,
				     step);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (!penstock_range_fits(args->private_start, PENSTOCK_CRUMBS_LEAST_BYTES,
				 args->private_capacity)) {
		penstock_refusal_set(ret_refusal, PENSTOCK_STATUS_INVALID_USER_BUFFER, start,
				     "needs %u bytes of private data; an empty DMA buffer of this "
				     "context has %u, and %u are taken",
				     PENSTOCK_CRUMBS_LEAST_BYTES, args->private_capacity,
				     args->private_start);
		return PENSTOCK_STATUS_INVALID_USER_BUFFER;
	}
	*ret_start = start;
	return PENSTOCK_STATUS_SUCCESS;
}

static void walk_init(struct penstock_walk *walk, const struct penstock_render_args *args,
		      uint32_t start, struct penstock_refusal *ret_refusal)
{
	*walk = (struct penstock_walk){
		.command = args->command,
		.end = args->command + args->command_length,
		.allocations = args->allocations,
		.allocation_count = args->allocation_count,
		.formats = args->caps.formats,
		.first_pass = args->multipass_offset == 0,
		.offered = offer(&args->caps),
		.dma_capacity = args->dma_capacity,
		.patch_capacity = args->patch_capacity,
		.status = PENSTOCK_STATUS_SUCCESS,
		.refusal = ret_refusal,
	};
	penstock_dma_writer_init(&walk->dma, args->dma_buffer, args->dma_capacity);
	penstock_patch_list_init(&walk->patches, args->patches_out, args->patch_capacity);
	penstock_crumbs_init(&walk->crumbs, args->private_data + args->private_start,
			     args->private_capacity - args->private_start, start);
}

enum penstock_status penstock_render(struct penstock_render_args *args,
				     struct penstock_refusal *ret_refusal)
{
	struct penstock_walk walk;
	enum penstock_status status;
	uint32_t start;

	status = start_of_pass(args, ret_refusal, &start);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	walk_init(&walk, args, start, ret_refusal);
	walk_all(&walk, args->command + start);
	if (walk.status != PENSTOCK_STATUS_SUCCESS) {
		return walk.status;
	}
	if (walk.first_pass && args->patch_in_count != 0 &&
	    !penstock_client_patches_agree(args, ret_refusal)) {
		return ret_refusal->status;
	}
	args->dma_length = penstock_dma_writer_length(&walk.dma);
	args->patch_count = penstock_patch_list_count(&walk.patches);
	args->private_end = args->private_start + penstock_crumbs_length(&walk.crumbs);
	args->work_bytes = walk.work_bytes;
	if (walk.stopped != NULL) {
		args->multipass_offset = (uint64_t)(walk.stopped - args->command) << 32;
		return PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ bounds */

/*
 * The most that an instruction, or an element of one, costs for each byte of its own, in parts of a
 * byte. The largest of a table, known when it is compiled: the size of a union.
 */
#define PARTS               256u
#define COST(cost, bytes)   (((cost)*PARTS + (bytes)-1u) / (bytes) + 1u)
#define NO_ZERO(bytes)      ((bytes) == 0 ? 1u : (bytes))
#define LARGEST(union_name) (sizeof(union union_name) - 1u)

union dma_cost {
#define INSTRUCTION(name, mnemonic, opcode, stream, nodes, privilege, bytes, element_bytes,        \
		    dma_bytes, dma_element_bytes, patches, summary)                                \
	char name[COST(dma_bytes, bytes)];                                                         \
	char name##_element[COST(dma_element_bytes, NO_ZERO(element_bytes))];
#define OPERAND(...)
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
};

union patch_cost {
#define INSTRUCTION(name, mnemonic, opcode, stream, nodes, privilege, bytes, element_bytes,        \
		    dma_bytes, dma_element_bytes, patches, summary)                                \
	char name[COST(patches, bytes)];
#define OPERAND(...)
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
};

static uint32_t bound(uint64_t parts, uint32_t command_bytes)
{
	uint64_t result = (command_bytes * parts + PARTS - 1u) / PARTS;

	return result > UINT32_MAX ? UINT32_MAX : (uint32_t)result;
}

uint32_t penstock_render_dma_bound(uint32_t command_bytes)
{
	/* At least the command's own bytes, whatever the table says. */
	return bound(LARGEST(dma_cost) < PARTS ? PARTS : LARGEST(dma_cost), command_bytes);
}

uint32_t penstock_render_patch_bound(uint32_t command_bytes)
{
	return bound(LARGEST(patch_cost), command_bytes);
}

/*
 * The dearest that private data can get is a record of two bytes for the shortest instruction that
 * leaves nothing and the shortest that leaves something; a byte more stands for 128 dwords more.
 * And a record for each part.
 */
#define RECORD_BYTES         2u
#define RECORD_COMMAND_BYTES (PENSTOCK_BYTES_NOP + PENSTOCK_BYTES_MARKER)
_Static_assert(PENSTOCK_BYTES_NOP == PENSTOCK_HEADER_BYTES && PENSTOCK_BYTES_MARKER == 8,
	       "nothing is shorter");

uint32_t penstock_render_private_bound(uint32_t command_bytes)
{
	return PENSTOCK_CRUMBS_LEAST_BYTES + command_bytes / RECORD_COMMAND_BYTES * RECORD_BYTES +
	       command_bytes / PENSTOCK_CRUMBS_PART_BYTES * PENSTOCK_CRUMBS_RECORD_BYTES;
}
