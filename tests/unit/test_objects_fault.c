/* SPDX-License-Identifier: MIT */
/*
 * A fault of the GPU, told with the byte of the command buffer: in a submission that is rendered on
 * the loop, from bytes that are gone since, in one of a worker, in a GDI record, in a chain.
 */
#include "proto/isa/instruction.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

#define DEVICE     NAME(1)
#define LARGE      NAME(2) /* a context of the default sizes */
#define BUFFER     NAME(3)
#define SMALL      NAME(4) /* one of DMA buffers of a page */
#define GDI        NAME(5)
#define SURFACE    NAME(6)
#define PASS_BYTES 4096u

#define FILL_BYTES     32u
#define FILL_DMA_BYTES 24u
#define NOP_BYTES      4u
#define FILLS          3000u /* too much for the loop */

static struct fixture fixture;
static struct client client;
static uint8_t command[FILLS * (FILL_BYTES + NOP_BYTES)];
static uint32_t command_bytes;

static void new_context(uint64_t name, uint32_t flags, uint32_t dma_bytes)
{
	const struct penstock_context_info info = {
		.name = name,
		.device = DEVICE,
		.flags = flags,
		.dma_buffer_bytes = dma_bytes,
	};

	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
}

static void new_surface(void)
{
	const struct penstock_create_allocation_info info = {
		.name = SURFACE,
		.device = DEVICE,
		.size_bytes = 64 * 256,
		.width = 64,
		.height = 64,
		.pitch_bytes = 256,
		.format = PENSTOCK_FORMAT_A8R8G8B8,
		.surface_type = PENSTOCK_SURFACE_TEXTURE,
	};
	static struct answered answered;

	answered.request.serial = ++client.serial;
	GOOD(penstock_create_allocation(client.session, &info, &answered.request, &client.refusal));
}

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 1);
	new_context(SMALL, 0, PASS_BYTES);
	new_context(GDI, PENSTOCK_CONTEXT_GDI, 0);
	new_surface();
	command_bytes = 0;
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

/* ---------------------------------------------------------------- command buffers */

static void put_nops(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		penstock_store32(command + command_bytes,
				 penstock_instruction_header(PENSTOCK_OPCODE_NOP, NOP_BYTES));
		command_bytes += NOP_BYTES;
	}
}

static void put_fills(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		write_fill(command + command_bytes, 0);
		command_bytes += FILL_BYTES;
	}
}

/* One rectangle each. */
static void put_colorfills(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *bytes = command + command_bytes;
		const uint32_t length = PENSTOCK_BYTES_COLORFILL + 16;

		memset(bytes, 0, length);
		penstock_store32(bytes,
				 penstock_instruction_header(PENSTOCK_OPCODE_COLORFILL, length));
		penstock_store32(bytes + PENSTOCK_OPERAND_COLORFILL_rop,
				 PENSTOCK_COLORFILL_PATCOPY);
		penstock_store32(bytes + PENSTOCK_BYTES_COLORFILL + 8, 4);
		penstock_store32(bytes + PENSTOCK_BYTES_COLORFILL + 12, 4);
		command_bytes += length;
	}
}

static void put_escape(uint32_t bytes)
{
	memset(command + command_bytes, 0, bytes);
	penstock_store32(command + command_bytes,
			 penstock_instruction_header(PENSTOCK_OPCODE_ESCAPE, bytes));
	command_bytes += bytes;
}

static void submit(uint64_t context, uint64_t allocation, uint32_t flags)
{
	const struct penstock_wire_allocation list[1] = {
		{ .name = allocation, .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	const struct submit submit = {
		.context = context,
		.flags = flags,
		.list = list,
		.list_count = 1,
		.command = command,
		.command_bytes = command_bytes,
	};
	struct answered answered;
	enum penstock_status status = client_submit(&client, &submit, &answered);

	if (status == PENSTOCK_STATUS_PENDING) {
		turn(&fixture);
		status = answered.status;
	}
	GOOD(status);
	/* Nothing of what the client sent is there any more. */
	memset(command, 0xEE, sizeof(command));
}

/* ---------------------------------------------------------------- faults */

static struct penstock_device_state state_of_the_device(uint64_t fence)
{
	struct penstock_device_state state;

	GOOD(penstock_query_device(client.session, ++client.serial, DEVICE, &state,
				   &client.refusal));
	ck_assert_uint_eq(state.fault_fence, fence);
	return state;
}

static struct penstock_device_state fail_at(enum penstock_interrupt_type type, uint32_t dma_offset)
{
	const struct penstock_interrupt interrupt = {
		.type = type,
		.node_ordinal = 0,
		.fault_dma_offset = dma_offset,
	};
	const uint64_t fence = client.serial;

	fake_core_fault(&interrupt, "it broke");
	return state_of_the_device(fence);
}

static struct penstock_device_state fault_at(uint32_t dma_offset)
{
	struct penstock_device_state state =
		fail_at(PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED, dma_offset);

	ck_assert_uint_eq(state.execution_state, PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT);
	return state;
}

static void expect_byte(uint32_t dma_offset, uint32_t byte, const char *instruction)
{
	struct penstock_device_state state = fault_at(dma_offset);
	char reason[128];

	ck_assert_uint_eq(state.fault_dma_offset, dma_offset);
	ck_assert_uint_eq(state.fault_command_offset, byte);
	ck_assert_str_eq(state.fault_instruction, instruction);
	snprintf(reason, sizeof(reason), "%s at byte 0x%x: it broke", instruction, byte);
	ck_assert_str_eq(state.reason, reason);
}

static void expect_no_byte(uint32_t reported, uint32_t dma_offset)
{
	struct penstock_device_state state = fault_at(reported);

	ck_assert_uint_eq(state.fault_dma_offset, dma_offset);
	ck_assert_uint_eq(state.fault_command_offset, 0);
	ck_assert_str_eq(state.fault_instruction, "");
	ck_assert_str_eq(state.reason, "it broke");
}

START_TEST(A13_a_fault_names_its_byte_in_a_small_submission)
{
	put_fills(2);
	put_nops(3);
	put_fills(1);
	submit(LARGE, BUFFER, 0);
	expect_byte(2 * FILL_DMA_BYTES, 2 * FILL_BYTES + 3 * NOP_BYTES, "fill");
}
END_TEST

START_TEST(A13_and_in_one_that_a_worker_rendered)
{
	for (uint32_t i = 0; i < FILLS; i++) {
		put_nops(1);
		put_fills(1);
	}
	submit(LARGE, BUFFER, 0);
	expect_byte((FILLS - 1) * FILL_DMA_BYTES,
		    (FILLS - 1) * (FILL_BYTES + NOP_BYTES) + NOP_BYTES, "fill");
}
END_TEST

START_TEST(A13_and_in_a_gdi_record)
{
	uint32_t byte;

	put_colorfills(3);
	put_escape(24);
	put_escape(8);
	byte = command_bytes;
	put_colorfills(2);
	submit(GDI, SURFACE, PENSTOCK_SUBMIT_RENDER_KM);
	/* 32 bytes and a rectangle, from 36 and one */
	expect_byte(3 * 48, byte, "colorfill");
}
END_TEST

/* Executes so many passes, then the next one faults: the byte is that of all of the buffer. */
static const uint32_t passes_before[] = { 0, 1, 4 };

START_TEST(A13_and_in_any_pass_of_a_chain)
{
	const uint32_t per_pass = PASS_BYTES / FILL_DMA_BYTES, before = passes_before[_i];

	put_fills(per_pass * 5 + 9);
	submit(SMALL, BUFFER, 0);
	for (uint32_t i = 0; i < before; i++) {
		ck_assert_uint_eq(fake_core_retire(1), 1);
		turn(&fixture);
	}
	expect_byte(7 * FILL_DMA_BYTES, (before * per_pass + 7) * FILL_BYTES, "fill");
}
END_TEST

/* What a GPU says may be anything. */
static const uint32_t nowhere[] = { 1, 23, 25, 4 * FILL_DMA_BYTES, 0x80000000, UINT32_MAX - 1 };

START_TEST(A13_a_place_between_instructions_names_none)
{
	put_fills(4);
	submit(LARGE, BUFFER, 0);
	expect_no_byte(nowhere[_i], nowhere[_i]);
}
END_TEST

START_TEST(A13_a_place_that_nobody_knows_names_none)
{
	put_fills(4);
	submit(LARGE, BUFFER, 0);
	expect_no_byte(PENSTOCK_DMA_OFFSET_UNKNOWN, 0);
}
END_TEST

/* A DMA buffer that was used before: what its last user left there is not taken for this one's. */
START_TEST(A13_a_fault_in_a_dma_buffer_that_is_used_again_names_its_own_byte)
{
	for (uint32_t i = 0; i < 20; i++) {
		put_nops(2);
		put_fills(1);
	}
	submit(LARGE, BUFFER, 0);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	command_bytes = 0;
	put_fills(20);
	submit(LARGE, BUFFER, 0);
	expect_byte(19 * FILL_DMA_BYTES, 19 * FILL_BYTES, "fill");
}
END_TEST

START_TEST(E8_what_can_never_fit_is_out_of_memory_and_names_its_byte)
{
	struct penstock_device_state state;
	uint64_t fence;

	put_fills(2);
	put_nops(3);
	put_fills(1);
	submit(LARGE, BUFFER, 0);
	fence = client.serial;
	fake_core_out_of_memory(2 * FILL_DMA_BYTES, "it is too much");
	state = state_of_the_device(fence);
	ck_assert_uint_eq(state.execution_state, PENSTOCK_DEVICE_ERROR_OUTOFMEMORY);
	ck_assert_uint_eq(state.fault_dma_offset, 2 * FILL_DMA_BYTES);
	ck_assert_uint_eq(state.fault_command_offset, 2 * FILL_BYTES + 3 * NOP_BYTES);
	ck_assert_str_eq(state.fault_instruction, "fill");
	ck_assert_ptr_nonnull(strstr(state.reason, ": it is too much"));
}
END_TEST

static const struct {
	enum penstock_interrupt_type type;
	enum penstock_device_execution state;
} failures[] = {
	{ PENSTOCK_INTERRUPT_DMA_FAULTED, PENSTOCK_DEVICE_ERROR_DMAFAULT },
	{ PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED, PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT },
	{ PENSTOCK_INTERRUPT_DMA_PREEMPTED, PENSTOCK_DEVICE_HUNG },
	{ PENSTOCK_INTERRUPT_NONE, PENSTOCK_DEVICE_RESET },
};

START_TEST(E8_what_a_submission_did_or_met_is_its_devices_state)
{
	put_fills(1);
	submit(LARGE, BUFFER, 0);
	ck_assert_uint_eq(fail_at(failures[_i].type, 0).execution_state, failures[_i].state);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_fault");
	TCase *tcase = tcase_create("faults");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A13_a_fault_names_its_byte_in_a_small_submission);
	tcase_add_test(tcase, A13_and_in_one_that_a_worker_rendered);
	tcase_add_test(tcase, A13_and_in_a_gdi_record);
	tcase_add_loop_test(tcase, A13_and_in_any_pass_of_a_chain, 0,
			    PENSTOCK_ARRAY_SIZE(passes_before));
	tcase_add_loop_test(tcase, A13_a_place_between_instructions_names_none, 0,
			    PENSTOCK_ARRAY_SIZE(nowhere));
	tcase_add_test(tcase, A13_a_place_that_nobody_knows_names_none);
	tcase_add_test(tcase, A13_a_fault_in_a_dma_buffer_that_is_used_again_names_its_own_byte);
	tcase_add_test(tcase, E8_what_can_never_fit_is_out_of_memory_and_names_its_byte);
	tcase_add_loop_test(tcase, E8_what_a_submission_did_or_met_is_its_devices_state, 0,
			    PENSTOCK_ARRAY_SIZE(failures));
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
