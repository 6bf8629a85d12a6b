/* SPDX-License-Identifier: MIT */
/* The statements that look: expect, print and sync. */
#include "client/penstock/run.h"
#include "proto/isa/instruction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void penstock_run_sync(struct penstock_run *run, const struct penstock_step *step)
{
	(void)step;
	penstock_run_settle(run);
}

/* ------------------------------------------------------------------ a status */

/* Waits for the outcome of the request that an expectation is about. */
static const struct penstock_run_outcome *wait_for(struct penstock_run *run, uint32_t request)
{
	const struct penstock_step *step = &run->script->steps[request];
	struct penstock_run_outcome *outcome = &run->outcomes[request];
	struct penstock_failure failure = { .status = PENSTOCK_STATUS_SUCCESS };

	if (outcome->known || outcome->serial == 0) {
		return outcome;
	}
	if (penstock_step_context(step) != PENSTOCK_SCRIPT_NONE) {
		penstock_run_wait_submission(run, step, &failure);
	} else {
		failure.status = penstock_request_wait(run->connection, outcome->serial,
						       run->timeout_ms, &failure);
	}
	outcome->known = true;
	outcome->failure = failure;
	return outcome;
}

void penstock_run_expect_status(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_step *request = &run->script->steps[step->request];
	const struct penstock_failure *failure = &wait_for(run, step->request)->failure;

	if (failure->status != step->status) {
		penstock_run_fault(run, step, "%s of line %u: expected %s, not %s",
				   penstock_step_name(request->kind), request->line,
				   penstock_status_name(step->status),
				   penstock_run_describe(request, failure).text);
		return;
	}
	if ((step->given & PENSTOCK_GIVEN_AT) == 0) {
		return;
	}
	if (!failure->at_instruction || failure->byte_offset != step->at) {
		penstock_run_fault(run, step, "%s of line %u: expected byte 0x%" PRIx64 ", not %s",
				   penstock_step_name(request->kind), request->line, step->at,
				   penstock_run_describe(request, failure).text);
	}
}

/* ------------------------------------------------------------------ bytes */

/* Reads back for a statement whose outcome cannot be expected: a failure is reported. */
static uint8_t *look(struct penstock_run *run, const struct penstock_step *step, uint64_t offset,
		     uint64_t size)
{
	enum penstock_status status;
	uint8_t *bytes;

	penstock_run_settle(run);
	bytes = penstock_run_read_back(run, step, offset, size, &status);
	if (bytes == NULL && status != PENSTOCK_STATUS_SUCCESS) {
		penstock_run_called(run, step, status);
	}
	return bytes;
}

void penstock_run_expect_bytes(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_run_content *content = &run->contents[step - run->script->steps];
	const uint8_t *wanted = step->file != NULL ? content->bytes : step->hex.bytes;
	size_t length = step->file != NULL ? content->length : step->hex.length;
	uint8_t *bytes = look(run, step, step->offset, length);
	size_t first = SIZE_MAX;
	size_t count = 0;

	if (bytes == NULL) {
		return;
	}
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != wanted[i]) {
			first = first == SIZE_MAX ? i : first;
			count++;
		}
	}
	if (count > 0) {
		penstock_run_fault(run, step,
				   "byte 0x%" PRIx64 " of '%s' is %02x, expected %02x; %zu of %zu "
				   "bytes differ",
				   step->offset + first, penstock_run_subject(run, step),
				   bytes[first], wanted[first], count, length);
	}
	free(bytes);
}

static bool hash(struct penstock_run *run, const struct penstock_step *step,
		 XXH128_canonical_t *ret_hash)
{
	uint64_t offset, size;
	uint8_t *bytes;

	if (!penstock_run_range(run, step, &offset, &size)) {
		return false;
	}
	bytes = look(run, step, offset, size);
	if (bytes == NULL) {
		return false;
	}
	XXH128_canonicalFromHash(ret_hash, XXH3_128bits(bytes, size));
	free(bytes);
	return true;
}

static struct penstock_run_text hex_of(const uint8_t digest[16])
{
	struct penstock_run_text out;

	for (unsigned i = 0; i < 16; i++) {
		snprintf(out.text + (size_t)2 * i, sizeof(out.text) - (size_t)2 * i, "%02x",
			 digest[i]);
	}
	return out;
}

void penstock_run_expect_hash(struct penstock_run *run, const struct penstock_step *step)
{
	XXH128_canonical_t found;

	if (hash(run, step, &found) && memcmp(found.digest, step->hex.bytes, 16) != 0) {
		penstock_run_fault(run, step, "the hash of '%s' is %s, expected %s",
				   penstock_run_subject(run, step), hex_of(found.digest).text,
				   hex_of(step->hex.bytes).text);
	}
}

/* ------------------------------------------------------------------ pixels */

/* What is compared, and with what. */
struct comparison {
	const struct penstock_run_object *object;
	struct penstock_rect rect;
	uint8_t *wanted; /* a surface of the rectangle's pixels without gaps; NULL: one colour */
	uint32_t color;
	uint32_t mask; /* the channels that the format has */
	uint32_t tolerance;
};

static bool choose_rect(struct penstock_run *run, const struct penstock_step *step,
			struct comparison *comparison)
{
	const struct penstock_picture *image = &run->contents[step - run->script->steps].picture;
	const struct penstock_run_object *object = comparison->object;
	struct penstock_rect rect = step->rect;

	if ((step->given & PENSTOCK_GIVEN_RECT) == 0) {
		uint64_t width = image->pixels == NULL ? 1 : image->width;
		uint64_t height = image->pixels == NULL ? 1 : image->height;

		if (step->x + width > object->width || step->y + height > object->height) {
			penstock_run_fault(run, step, "'%s' has %ux%u pixels only",
					   penstock_run_subject(run, step), object->width,
					   object->height);
			return false;
		}
		rect = (struct penstock_rect){ (int32_t)step->x, (int32_t)step->y,
					       (int32_t)(step->x + width),
					       (int32_t)(step->y + height) };
	}
	if (rect.left < 0 || rect.top < 0 || rect.left >= rect.right || rect.top >= rect.bottom ||
	    (uint32_t)rect.right > object->width || (uint32_t)rect.bottom > object->height) {
		penstock_run_fault(run, step, "the rectangle is not inside '%s', %ux%u pixels",
				   penstock_run_subject(run, step), object->width, object->height);
		return false;
	}
	if (image->pixels != NULL && ((uint32_t)(rect.right - rect.left) != image->width ||
				      (uint32_t)(rect.bottom - rect.top) != image->height)) {
		penstock_run_fault(run, step, "%s has %ux%u pixels, the rectangle others",
				   step->png, image->width, image->height);
		return false;
	}
	comparison->rect = rect;
	return true;
}

static bool prepare(struct penstock_run *run, const struct penstock_step *step,
		    struct comparison *ret_comparison)
{
	const struct penstock_picture *image = &run->contents[step - run->script->steps].picture;
	struct comparison comparison = {
		.object = &run->objects[step->subject],
		.color = (uint32_t)step->color,
		.mask = 0xFFFFFFFFu,
		.tolerance = (uint32_t)step->tolerance,
	};
	uint32_t format = comparison.object->format;
	uint32_t bytes = penstock_format_bytes(format);

	if (comparison.object->width == 0 || bytes == 0) {
		penstock_run_fault(run, step, "'%s' is no surface that is known here",
				   penstock_run_subject(run, step));
		return false;
	}
	if (!choose_rect(run, step, &comparison)) {
		return false;
	}
	if (format == PENSTOCK_FORMAT_A8) {
		comparison.mask = 0xFF000000u;
	} else if (format == PENSTOCK_FORMAT_X8R8G8B8 || format == PENSTOCK_FORMAT_X8B8G8R8) {
		comparison.mask = 0x00FFFFFFu;
	}
	if (image->pixels != NULL) {
		comparison.wanted = malloc((size_t)image->width * image->height * bytes + 1);
		if (comparison.wanted == NULL) {
			penstock_run_fault(run, step, "out of memory");
			return false;
		}
		penstock_picture_to_surface(image, format, comparison.wanted,
					    (size_t)image->width * bytes);
	}
	*ret_comparison = comparison;
	return true;
}

static bool differs(uint32_t found, uint32_t wanted, const struct comparison *comparison)
{
	for (unsigned shift = 0; shift < 32; shift += 8) {
		int one = (int)((found & comparison->mask) >> shift & 0xFF);
		int other = (int)((wanted & comparison->mask) >> shift & 0xFF);

		if ((uint32_t)abs(one - other) > comparison->tolerance) {
			return true;
		}
	}
	return false;
}

/* `rows` begins with the first byte of the rectangle's first row of the surface. */
static void compare(struct penstock_run *run, const struct penstock_step *step,
		    const struct comparison *comparison, const uint8_t *rows)
{
	const struct penstock_rect *rect = &comparison->rect;
	uint32_t format = comparison->object->format;
	uint32_t bytes = penstock_format_bytes(format);
	uint32_t width = (uint32_t)(rect->right - rect->left);
	uint64_t count = 0;
	char first[128] = "";

	for (int32_t y = rect->top; y < rect->bottom; y++) {
		const uint8_t *row =
			rows + (uint64_t)(y - rect->top) * comparison->object->pitch_bytes;

		for (int32_t x = rect->left; x < rect->right; x++) {
			size_t index = (size_t)(y - rect->top) * width + (size_t)(x - rect->left);
			uint32_t found = penstock_surface_pixel(row + (size_t)x * bytes, format);
			uint32_t wanted =
				comparison->wanted == NULL
					? comparison->color
					: penstock_surface_pixel(comparison->wanted + index * bytes,
								 format);

			if (!differs(found, wanted, comparison)) {
				continue;
			}
			if (count++ == 0) {
				snprintf(first, sizeof(first),
					 "pixel (%" PRId32 ",%" PRId32 ") is 0x%08" PRIx32
					 ", expected 0x%08" PRIx32,
					 x, y, found, wanted);
			}
		}
	}
	if (count > 0) {
		penstock_run_fault(run, step, "%s of '%s'; %" PRIu64 " pixels differ", first,
				   penstock_run_subject(run, step), count);
	}
}

void penstock_run_expect_pixels(struct penstock_run *run, const struct penstock_step *step)
{
	struct comparison comparison;
	const struct penstock_rect *rect = &comparison.rect;
	uint64_t pitch, size;
	uint8_t *rows;

	if (!prepare(run, step, &comparison)) {
		return;
	}
	pitch = comparison.object->pitch_bytes;
	size = (uint64_t)(rect->bottom - rect->top - 1) * pitch +
	       (uint64_t)rect->right * penstock_format_bytes(comparison.object->format);
	rows = look(run, step, (uint64_t)rect->top * pitch, size);
	if (rows != NULL) {
		compare(run, step, &comparison, rows);
	}
	free(rows);
	free(comparison.wanted);
}

/* ------------------------------------------------------------------ print */

void penstock_run_print_text(struct penstock_run *run, const struct penstock_step *step)
{
	(void)run;
	puts(step->text);
}

void penstock_run_print_hex(struct penstock_run *run, const struct penstock_step *step)
{
	uint64_t offset, size;
	uint8_t *bytes;

	if (!penstock_run_range(run, step, &offset, &size)) {
		return;
	}
	bytes = look(run, step, offset, size);
	for (uint64_t i = 0; bytes != NULL && i < size; i++) {
		if (i % 16 == 0) {
			printf("%08" PRIx64 " ", offset + i);
		}
		printf(" %02x%s", bytes[i], i % 16 == 15 || i + 1 == size ? "\n" : "");
	}
	free(bytes);
}

void penstock_run_print_hash(struct penstock_run *run, const struct penstock_step *step)
{
	XXH128_canonical_t found;

	if (hash(run, step, &found)) {
		printf("%s  %s\n", hex_of(found.digest).text, penstock_run_subject(run, step));
	}
}

void penstock_run_print_token(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_share_token *token = &run->objects[step->subject].token;

	printf("%016" PRIx64 "%016" PRIx64 "\n", token->high, token->low);
}
