/* SPDX-License-Identifier: MIT */
/*
 * capture: what a surface shows, as a PNG file. The daemon gives its bytes as they are, behind the
 * work so far; they become a picture, and smaller or larger, here.
 */
#include "client/admin.h"
#include "client/connection.h"
#include "client/penstock/picture.h"
#include "client/penstockctl/commands.h"
#include "client/penstockctl/or_end.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A surface, as the daemon's report of allocations has it. */
struct surface {
	uint32_t width;
	uint32_t height;
	uint32_t format;
	uint32_t pitch_bytes;
};

static int complain(const char *text)
{
	fprintf(stderr, "penstockctl: %s\n", text);
	return EXIT_FAILURE;
}

/* ---------------------------------------------------------------- what to ask for */

/* Whether the numbers are those of a surface, which is what is believed of the daemon's word. */
static bool is_surface(const struct surface *surface)
{
	const uint64_t row = (uint64_t)surface->width * penstock_format_bytes(surface->format);

	return row != 0 && surface->height != 0 && surface->pitch_bytes >= row &&
	       (uint64_t)surface->height * surface->pitch_bytes <= PENSTOCK_LIMIT_PAYLOAD_BYTES;
}

static bool take_surface(const Penstock__Wire__AllocationRow *row, struct surface *ret_surface)
{
	*ret_surface = (struct surface){
		.width = row->width,
		.height = row->height,
		.format = penstock_format_from_name(row->format),
		.pitch_bytes = row->pitch_bytes,
	};
	if (row->width == 0) {
		fprintf(stderr, "penstockctl: allocation %" PRIu64 " is no surface\n", row->id);
		return false;
	}
	if (!is_surface(ret_surface)) {
		fprintf(stderr,
			"penstockctl: allocation %" PRIu64 " is too large, or of a format "
			"that is not known\n",
			row->id);
		return false;
	}
	return true;
}

/* False: there is no such surface, and standard error says so. */
static bool find_surface(struct penstock_connection *connection, uint64_t id,
			 struct surface *ret_surface)
{
	Penstock__Wire__AdminAllocations request = PENSTOCK__WIRE__ADMIN_ALLOCATIONS__INIT;
	ProtobufCMessage *message = ask(connection, PENSTOCK_FRAME_ADMIN_ALLOCATIONS, &request.base,
					PENSTOCK_FRAME_ALLOCATION_REPORT);
	const Penstock__Wire__AllocationReport *report = (const void *)message;
	const Penstock__Wire__AllocationRow *row = NULL;
	bool found;

	if (message == NULL) {
		return false;
	}
	for (size_t i = 0; row == NULL && i < report->n_allocations; i++) {
		row = report->allocations[i]->id == id ? report->allocations[i] : NULL;
	}
	found = row != NULL && take_surface(row, ret_surface);
	if (row == NULL) {
		fprintf(stderr, "penstockctl: there is no allocation %" PRIu64 "%s\n", id,
			report->truncated ? " among those that a report lists" : "");
	}
	protobuf_c_message_free_unpacked(message, NULL);
	return found;
}

/* ---------------------------------------------------------------- its bytes */

static void taken(struct penstock_call *call, enum penstock_status status,
		  const ProtobufCMessage *reply)
{
	(void)call;
	(void)status;
	(void)reply;
}

/* NULL: refused, and standard error says why. */
static uint8_t *capture(struct penstock_connection *connection, const struct arguments *arguments,
			const struct surface *surface)
{
	const uint32_t size_bytes = surface->height * surface->pitch_bytes;
	uint8_t *bytes = or_end(malloc(size_bytes));
	Penstock__Wire__AdminCapture request = PENSTOCK__WIRE__ADMIN_CAPTURE__INIT;
	struct penstock_call call = {
		.reply = PENSTOCK_FRAME_READ_DATA,
		.destination = bytes,
		.size_bytes = size_bytes,
		.complete = taken,
	};
	struct penstock_failure failure = { 0 };
	enum penstock_status status;

	request.context = arguments->id;
	request.allocation = arguments->allocation;
	status = penstock_request_call(connection, PENSTOCK_FRAME_ADMIN_CAPTURE, &request.base,
				       &call);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		return bytes;
	}
	(void)penstock_failure_of_call(connection, &failure);
	(void)complain(failure.sentence[0] != '\0' ? failure.sentence
						   : penstock_status_text(status));
	free(bytes);
	return NULL;
}

/* ---------------------------------------------------------------- the picture */

/* Pixels of one axis that a pixel of the other picture covers: at least one. */
struct span {
	uint32_t first;
	uint32_t end;
};

static struct span covered(uint32_t at, uint32_t wanted, uint32_t have)
{
	const uint32_t first = (uint32_t)((uint64_t)at * have / wanted);
	const uint32_t end = (uint32_t)(((uint64_t)at + 1) * have / wanted);

	return (struct span){ first, end > first ? end : first + 1 };
}

/* The mean of what it covers; the colour of what is transparent does not count. */
static void average(const struct penstock_picture *from, struct span columns, struct span rows,
		    uint8_t ret_pixel[4])
{
	uint64_t sums[4] = { 0 };
	const uint64_t count = (uint64_t)(columns.end - columns.first) * (rows.end - rows.first);

	for (uint32_t y = rows.first; y < rows.end; y++) {
		for (uint32_t x = columns.first; x < columns.end; x++) {
			const uint8_t *pixel = from->pixels + ((size_t)y * from->width + x) * 4;

			for (int c = 0; c < 3; c++) {
				sums[c] += (uint64_t)pixel[c] * pixel[3];
			}
			sums[3] += pixel[3];
		}
	}
	memset(ret_pixel, 0, 4);
	for (int c = 0; sums[3] > 0 && c < 3; c++) {
		ret_pixel[c] = (uint8_t)((sums[c] + sums[3] / 2) / sums[3]);
	}
	ret_pixel[3] = (uint8_t)((sums[3] + count / 2) / count);
}

static void scale(const struct penstock_picture *from, struct penstock_picture *to)
{
	to->alpha = from->alpha;
	for (uint32_t y = 0; y < to->height; y++) {
		for (uint32_t x = 0; x < to->width; x++) {
			average(from, covered(x, to->width, from->width),
				covered(y, to->height, from->height),
				to->pixels + ((size_t)y * to->width + x) * 4);
		}
	}
}

static int save(const struct penstock_picture *picture, const char *path)
{
	struct penstock_errbuf error;

	return penstock_picture_save(picture, path, &error) == PENSTOCK_STATUS_SUCCESS
		       ? EXIT_SUCCESS
		       : complain(error.text);
}

/* As large as it is, or as --size says. */
static int write_picture(const struct arguments *arguments, const struct surface *surface,
			 const uint8_t *bytes)
{
	struct penstock_picture picture, scaled;
	struct penstock_errbuf error;
	int result;

	if (penstock_picture_init(&picture, surface->width, surface->height, &error) !=
	    PENSTOCK_STATUS_SUCCESS) {
		return complain(error.text);
	}
	penstock_picture_from_surface(&picture, surface->format, bytes, surface->pitch_bytes);
	if (arguments->width == 0) {
		result = save(&picture, arguments->output);
	} else if (penstock_picture_init(&scaled, arguments->width, arguments->height, &error) !=
		   PENSTOCK_STATUS_SUCCESS) {
		result = complain(error.text);
	} else {
		scale(&picture, &scaled);
		result = save(&scaled, arguments->output);
		penstock_picture_fini(&scaled);
	}
	penstock_picture_fini(&picture);
	return result;
}

int serve_capture(struct penstock_connection *connection, const struct arguments *arguments)
{
	struct surface surface;
	uint8_t *bytes;
	int result;

	if (!find_surface(connection, arguments->allocation, &surface)) {
		return EXIT_FAILURE;
	}
	bytes = capture(connection, arguments, &surface);
	if (bytes == NULL) {
		return EXIT_FAILURE;
	}
	result = write_picture(arguments, &surface, bytes);
	free(bytes);
	return result;
}
