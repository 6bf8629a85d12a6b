/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/mutate_frames.h"

#include "proto/wire/budget.h"
#include "proto/wire/frame.h"
#include "proto/wire/limits.h"
#include "proto/wire/penstock.pb-c.h"

#include <string.h>

#define PIECES_MAX       256u
#define BYTES_MAX        (1u << 20)
#define MORE_BYTES       64u /* that one change may add */
#define STATE_WORD_BYTES 4u  /* a graphics state is words */

/* A frame without its header, which is written anew. */
struct piece {
	uint16_t type;
	const uint8_t *message;
	uint32_t message_bytes;
	const uint8_t *payload;
	uint32_t payload_bytes;
};

struct frames {
	struct piece pieces[PIECES_MAX];
	size_t count;
	uint64_t random;
};

static uint8_t input[BYTES_MAX];   /* what was given: pieces point into it */
static uint8_t changed[BYTES_MAX]; /* and what a change made of one */

static uint32_t below(struct frames *frames, size_t limit)
{
	frames->random = frames->random * 6364136223846793005ull + 1442695040888963407ull;
	return limit == 0 ? 0 : (uint32_t)((frames->random >> 33) % limit);
}

static struct piece *any(struct frames *frames)
{
	return &frames->pieces[below(frames, frames->count)];
}

/* One with submissions; NULL: there is none. */
static struct piece *any_submit(struct frames *frames)
{
	uint32_t start = below(frames, frames->count);

	for (size_t i = 0; i < frames->count; i++) {
		struct piece *piece = &frames->pieces[(start + i) % frames->count];

		if (piece->type == PENSTOCK_FRAME_SUBMIT) {
			return piece;
		}
	}
	return NULL;
}

/* Bytes behind the last whole frame are forgotten. */
static void parse(struct frames *frames, size_t size)
{
	size_t at = PENSTOCK_MUTATE_HEAD_BYTES;
	struct penstock_frame head;

	while (frames->count < PIECES_MAX && at <= size &&
	       size - at >= PENSTOCK_FRAME_HEADER_BYTES &&
	       penstock_frame_decode(input + at, &head, NULL) == PENSTOCK_STATUS_SUCCESS) {
		const uint8_t *message = input + at + PENSTOCK_FRAME_HEADER_BYTES;
		size_t bytes = (size_t)head.message_bytes + head.payload_bytes;

		if (size - at - PENSTOCK_FRAME_HEADER_BYTES < bytes) {
			return;
		}
		frames->pieces[frames->count++] = (struct piece){
			.type = head.type,
			.message = message,
			.message_bytes = head.message_bytes,
			.payload = message + head.message_bytes,
			.payload_bytes = head.payload_bytes,
		};
		at += PENSTOCK_FRAME_HEADER_BYTES + bytes;
	}
}

static uint64_t serials_of(const struct piece *piece)
{
	Penstock__Wire__Submit *submit = NULL;
	struct penstock_budget budget;
	uint64_t serials = 1;

	if (piece->type != PENSTOCK_FRAME_SUBMIT) {
		return piece->type == PENSTOCK_FRAME_HELLO ? 0 : 1;
	}
	penstock_budget_init(&budget);
	submit = penstock__wire__submit__unpack(&budget.allocator, piece->message_bytes,
						piece->message);
	if (submit != NULL) {
		serials = submit->count;
		penstock__wire__submit__free_unpacked(submit, &budget.allocator);
	}
	return serials;
}

/* As many frames as there is room for. */
static size_t write_frames(const struct frames *frames, uint8_t *data, size_t max_size)
{
	size_t used = PENSTOCK_MUTATE_HEAD_BYTES;
	uint64_t serial = 1;

	for (size_t i = 0; i < frames->count; i++) {
		const struct piece *piece = &frames->pieces[i];
		struct penstock_frame head = {
			.type = piece->type,
			.message_bytes = piece->message_bytes,
			.payload_bytes = piece->payload_bytes,
			.serial = piece->type == PENSTOCK_FRAME_HELLO ? 0 : serial,
		};
		size_t bytes = (size_t)head.message_bytes + head.payload_bytes;

		if (max_size - used < PENSTOCK_FRAME_HEADER_BYTES + bytes) {
			break;
		}
		penstock_frame_encode(&head, data + used);
		used += PENSTOCK_FRAME_HEADER_BYTES;
		memcpy(data + used, piece->message, piece->message_bytes);
		used += piece->message_bytes;
		if (piece->payload_bytes > 0) {
			memcpy(data + used, piece->payload, piece->payload_bytes);
		}
		used += piece->payload_bytes;
		serial += serials_of(piece);
	}
	return used;
}

/* ---------------------------------------------------------------- changes */

static uint32_t mutate(const uint8_t *bytes, size_t size, size_t most)
{
	size = size < most ? size : most;
	memcpy(changed, bytes, size);
	return (uint32_t)LLVMFuzzerMutate(changed, size,
					  size + MORE_BYTES < most ? size + MORE_BYTES : most);
}

static void change_message(struct frames *frames)
{
	struct piece *piece = any(frames);

	piece->message_bytes =
		mutate(piece->message, piece->message_bytes, PENSTOCK_LIMIT_MESSAGE_BYTES);
	piece->message = changed;
}

/* One with a graphics state, and where in its message that is; NULL: there is none. */
static struct piece *any_state(struct frames *frames, const uint8_t **ret_state)
{
	uint32_t start = below(frames, frames->count);

	for (size_t i = 0; i < frames->count; i++) {
		struct piece *piece = &frames->pieces[(start + i) % frames->count];
		struct penstock_budget budget;
		Penstock__Wire__CreatePipeline *message;

		if (piece->type != PENSTOCK_FRAME_CREATE_PIPELINE) {
			continue;
		}
		penstock_budget_init(&budget);
		message = penstock__wire__create_pipeline__unpack(
			&budget.allocator, piece->message_bytes, piece->message);
		*ret_state = NULL;
		if (message != NULL && message->graphics.len >= STATE_WORD_BYTES) {
			*ret_state = memmem(piece->message, piece->message_bytes,
					    message->graphics.data, message->graphics.len);
		}
		if (message != NULL) {
			penstock__wire__create_pipeline__free_unpacked(message, &budget.allocator);
		}
		if (*ret_state != NULL) {
			return piece;
		}
	}
	return NULL;
}

/* One word of a state: it keeps its size, so that it is looked at. */
static void change_state(struct frames *frames)
{
	static const uint32_t values[] = { 0,  1,    2,    3,          4,          9,
					   16, 0x25, 0x7c, 0x3f800000, 0x7fc00000, UINT32_MAX };
	static uint8_t whole[PENSTOCK_LIMIT_MESSAGE_BYTES];
	const uint8_t *state = NULL;
	struct piece *piece = any_state(frames, &state);
	uint32_t words, at;

	if (piece == NULL || piece->message_bytes > sizeof(whole)) {
		return;
	}
	memcpy(whole, piece->message, piece->message_bytes);
	words = (uint32_t)(piece->message + piece->message_bytes - state) / STATE_WORD_BYTES;
	at = (uint32_t)(state - piece->message) + below(frames, words) * STATE_WORD_BYTES;
	memcpy(whole + at, &values[below(frames, PENSTOCK_ARRAY_SIZE(values))], STATE_WORD_BYTES);
	piece->message = whole;
}

static void change_payload(struct frames *frames)
{
	struct piece *piece = any(frames);

	if (piece->payload_bytes > 0) {
		piece->payload_bytes =
			mutate(piece->payload, piece->payload_bytes, sizeof(changed));
		piece->payload = changed;
	}
}

/* The bounds of one submission of a payload. */
static bool find_submission(struct frames *frames, const struct piece *piece, uint32_t *ret_start,
			    uint32_t *ret_end, struct penstock_submission_view *ret_view)
{
	uint32_t offset = 0, chosen = below(frames, serials_of(piece));

	for (uint32_t i = 0;; i++) {
		*ret_start = offset;
		if (penstock_submission_view(piece->payload, piece->payload_bytes, &offset,
					     ret_view, NULL) != PENSTOCK_STATUS_SUCCESS) {
			return false;
		}
		if (i == chosen) {
			*ret_end = offset;
			return true;
		}
	}
}

/* The record, the lists or the commands of a submission; its lengths fit again behind it. */
static void change_submission(struct frames *frames)
{
	static uint8_t whole[BYTES_MAX];
	struct penstock_submission_view view;
	struct piece *piece = any_submit(frames);
	uint32_t start, end, lists, length, padded;

	if (piece == NULL || !find_submission(frames, piece, &start, &end, &view)) {
		return;
	}
	lists = (uint32_t)(view.command - view.allocation_list);
	memcpy(whole, piece->payload, start + sizeof(view.record) + lists);
	if (below(frames, 4) == 0) {
		size_t size = sizeof(view.record) + lists;

		memcpy(changed, piece->payload + start, size);
		(void)LLVMFuzzerMutate(changed, size, size);
		memcpy(whole + start, changed, size);
		length = view.record.command_length;
		memcpy(changed, view.command, length);
	} else {
		length = mutate(view.command, view.record.command_length, sizeof(changed) / 4);
	}
	/* what must agree with the bytes that follow */
	memcpy(&view.record.context, whole + start, sizeof(view.record.context));
	memcpy(&view.record.flags, whole + start + 8, sizeof(view.record.flags));
	memcpy(&view.record.command_offset, whole + start + 12, 4);
	view.record.command_length = length;
	memcpy(whole + start, &view.record, sizeof(view.record));
	start += (uint32_t)sizeof(view.record) + lists;
	padded = (length + 7) / 8 * 8;
	if (start + padded + (piece->payload_bytes - end) > sizeof(whole)) {
		return;
	}
	memset(whole + start, 0, padded);
	memcpy(whole + start, changed, length);
	memcpy(whole + start + padded, piece->payload + end, piece->payload_bytes - end);
	piece->payload_bytes = start + padded + (piece->payload_bytes - end);
	piece->payload = whole;
}

static void change_type(struct frames *frames)
{
	static const uint16_t types[] = {
#define FRAME(name, number, message) number,
		PENSTOCK_FRAMES(FRAME)
#undef FRAME
	};

	any(frames)->type = types[below(frames, PENSTOCK_ARRAY_SIZE(types))];
}

static void duplicate(struct frames *frames)
{
	uint32_t at = below(frames, frames->count + 1);
	struct piece piece = *any(frames);

	if (frames->count < PIECES_MAX) {
		memmove(&frames->pieces[at + 1], &frames->pieces[at],
			(frames->count - at) * sizeof(piece));
		frames->pieces[at] = piece;
		frames->count++;
	}
}

static void leave_out(struct frames *frames)
{
	struct piece *piece = any(frames);

	frames->count--;
	memmove(piece, piece + 1,
		(size_t)(&frames->pieces[frames->count] - piece) * sizeof(*piece));
}

static void exchange(struct frames *frames)
{
	struct piece *one = any(frames), *other = any(frames), saved = *one;

	*one = *other;
	*other = saved;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	/* commands are what there is most of */
	static void (*const changes[])(struct frames * frames) = {
		change_submission, change_submission, change_submission, change_message,
		change_message,    change_payload,    change_type,       duplicate,
		leave_out,         exchange,          change_state,
	};
	struct frames frames = { .random = seed };

	max_size = max_size < sizeof(input) ? max_size : sizeof(input);
	if (size < PENSTOCK_MUTATE_HEAD_BYTES || size > max_size || below(&frames, 8) == 0) {
		return LLVMFuzzerMutate(data, size, max_size);
	}
	memcpy(input, data, size);
	parse(&frames, size);
	if (frames.count == 0) {
		return LLVMFuzzerMutate(data, size, max_size);
	}
	if (below(&frames, 16) == 0) {
		(void)LLVMFuzzerMutate(data, PENSTOCK_MUTATE_HEAD_BYTES,
				       PENSTOCK_MUTATE_HEAD_BYTES);
	}
	changes[below(&frames, PENSTOCK_ARRAY_SIZE(changes))](&frames);
	return write_frames(&frames, data, max_size);
}
