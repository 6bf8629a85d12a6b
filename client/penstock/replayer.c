/* SPDX-License-Identifier: MIT */
#include "client/penstock/replayer.h"

#include "client/penstock/frame_stream.h"
#include "client/penstock/replay_compare.h"
#include "client/penstock/replay_script.h"
#include "proto/wire/budget.h"
#include "proto/wire/penstock.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A share of the recording, and the same one in this session. */
struct token {
	uint64_t high;
	uint64_t low;
	uint64_t now_high;
	uint64_t now_low;
};

/* What became of a request in this session. */
struct outcome {
	bool refused;
};

struct penstock_replayer {
	const struct penstock_recording *recording; /* borrowed */
	struct penstock_replay_script script;
	struct outcome *outcomes; /* [script.last + 1], by serial; owned */
	bool *ended;              /* [script.end_count]: that fence was told; owned */
	size_t cursor;            /* frame of the recording */
	bool welcomed;
	bool closing; /* the daemon said so */
	bool over;
	uint64_t answered; /* serial: it and everything before it has been */
	struct token *tokens;
	size_t token_count;
	uint64_t values;          /* SyncValues that were told */
	uint64_t values_recorded; /* of the recording, before the cursor */
	uint8_t open[128];        /* OpenAllocation with a token of this session */
	struct penstock_replay_result result;
};

/* ------------------------------------------------------------------ differences */

static void differ(struct penstock_replayer *replayer, const char *format, ...)
	PENSTOCK_PRINTF(2, 3);

static void differ(struct penstock_replayer *replayer, const char *format, ...)
{
	struct penstock_errbuf *first = &replayer->result.first;
	va_list arguments;

	if (replayer->result.differences++ > 0) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(first->text, sizeof(first->text), format, arguments);
	va_end(arguments);
	/* what a daemon says is text of a stranger's to whoever shows it */
	for (char *c = first->text; *c != '\0'; c++) {
		*c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
	}
}

static void differ_request(struct penstock_replayer *replayer, uint64_t serial, const char *what)
{
	const struct penstock_recorded_frame *request =
		&replayer->recording->frames[replayer->script.requests[serial].request];

	differ(replayer, "request %" PRIu64 " (%s, byte 0x%zx): %s", serial,
	       penstock_frame_name(request->head.type), request->offset, what);
}

/* ------------------------------------------------------------------ answers */

static const struct penstock_recorded_frame *
recorded_answer(const struct penstock_replayer *replayer, uint64_t serial)
{
	const struct penstock_replay_request *request = &replayer->script.requests[serial];

	return request->answer == 0 ? NULL : &replayer->recording->frames[request->answer];
}

/* `frame` NULL: it succeeded without an answer of its own. */
static void compare_answer(struct penstock_replayer *replayer, uint64_t serial,
			   const struct penstock_recorded_frame *frame)
{
	struct penstock_errbuf what = { "" };

	if (frame != NULL && frame->head.type == PENSTOCK_FRAME_REFUSAL) {
		replayer->outcomes[serial].refused = true;
	}
	if (!replayer->script.requests[serial].answered) {
		return; /* the recording does not know */
	}
	replayer->result.answers++;
	if (!penstock_replay_same(recorded_answer(replayer, serial), frame, &what)) {
		differ_request(replayer, serial, what.text);
	} else if (frame != NULL) {
		replayer->result.read_back_bytes += frame->head.payload_bytes;
	}
}

static Penstock__Wire__Shared *unpack_shared(const struct penstock_recorded_frame *frame,
					     struct penstock_budget *budget)
{
	if (frame == NULL || frame->head.type != PENSTOCK_FRAME_SHARED) {
		return NULL;
	}
	return penstock__wire__shared__unpack(&budget->allocator, frame->head.message_bytes,
					      frame->message);
}

/* Without memory for it the token stays the recording's, and will be refused. */
static void note_token(struct penstock_replayer *replayer,
		       const struct penstock_recorded_frame *before,
		       const struct penstock_recorded_frame *now)
{
	struct token *grown =
		reallocarray(replayer->tokens, replayer->token_count + 1, sizeof(*grown));
	Penstock__Wire__Shared *then_told, *now_told;
	struct penstock_budget budget;

	if (grown == NULL) {
		return;
	}
	replayer->tokens = grown;
	penstock_budget_init(&budget);
	then_told = unpack_shared(before, &budget);
	now_told = unpack_shared(now, &budget);
	if (then_told != NULL && now_told != NULL) {
		grown[replayer->token_count++] =
			(struct token){ then_told->token_high, then_told->token_low,
					now_told->token_high, now_told->token_low };
	}
	if (then_told != NULL) {
		penstock__wire__shared__free_unpacked(then_told, &budget.allocator);
	}
	if (now_told != NULL) {
		penstock__wire__shared__free_unpacked(now_told, &budget.allocator);
	}
}

static void on_answer(struct penstock_replayer *replayer,
		      const struct penstock_recorded_frame *frame)
{
	uint64_t serial = frame->head.serial;

	if (serial <= replayer->answered || serial > replayer->result.requests) {
		differ(replayer, "the daemon answered request %" PRIu64 ", which is not waiting",
		       serial);
		return;
	}
	while (replayer->answered + 1 < serial) {
		compare_answer(replayer, ++replayer->answered, NULL);
	}
	replayer->answered = serial;
	if (frame->head.type == PENSTOCK_FRAME_SHARED) {
		note_token(replayer, recorded_answer(replayer, serial), frame);
	}
	compare_answer(replayer, serial, frame->head.type == PENSTOCK_FRAME_ACK ? NULL : frame);
}

/* ------------------------------------------------------------------ fences */

static void compare_fence(struct penstock_replayer *replayer, size_t index,
			  enum penstock_status status)
{
	const struct penstock_replay_end *end = &replayer->script.ends[index];
	struct penstock_errbuf what;

	replayer->ended[index] = true;
	if (!end->ended) {
		return;
	}
	replayer->result.fences++;
	if (end->status != status) {
		penstock_errbuf_set(&what, "its fence says %s, it said %s",
				    penstock_status_name(status),
				    penstock_status_name(end->status));
		differ_request(replayer, end->serial, what.text);
	}
}

static void on_fence(struct penstock_replayer *replayer,
		     const struct penstock_recorded_frame *frame)
{
	const struct penstock_replay_end *ends = replayer->script.ends;
	struct penstock_replay_fence fence;
	size_t end = 0;

	if (penstock_replay_fence(frame, &fence) && fence.fence <= replayer->result.requests) {
		end = penstock_replay_end_of(&replayer->script, &fence);
	}
	if (end == 0) {
		differ(replayer, "the daemon told of a fence that is no submission's");
		return;
	}
	for (; end != 0 && !replayer->ended[end]; end = ends[end].previous) {
		if (!replayer->outcomes[ends[end].serial].refused) {
			compare_fence(replayer, end, fence.status);
		}
	}
}

/* Whether everything of the context up to that submission has ended, or was refused. */
static bool fence_reached(const struct penstock_replayer *replayer,
			  const struct penstock_replay_fence *fence)
{
	const struct penstock_replay_end *ends = replayer->script.ends;
	size_t end = penstock_replay_end_of(&replayer->script, fence);

	while (end != 0 && replayer->outcomes[ends[end].serial].refused) {
		end = ends[end].previous;
	}
	return end == 0 || replayer->ended[end];
}

/* ------------------------------------------------------------------ frames */

static void on_closing(struct penstock_replayer *replayer,
		       const struct penstock_recorded_frame *frame)
{
	const size_t recorded = replayer->script.closing;
	struct penstock_errbuf what;

	replayer->closing = true;
	if (recorded == 0) {
		penstock_replay_describe(frame, &what);
		differ(replayer, "the daemon closed: %s", what.text);
	} else if (!penstock_replay_same(&replayer->recording->frames[recorded], frame, &what)) {
		differ(replayer, "the end of the connection: %s", what.text);
	}
}

void penstock_replayer_received(void *owner, const struct penstock_frame *head,
				const uint8_t *bytes)
{
	struct penstock_replayer *replayer = owner;
	const struct penstock_recorded_frame frame = {
		.head = *head,
		.bytes = bytes,
		.message = bytes + PENSTOCK_FRAME_HEADER_BYTES,
		.payload = bytes + PENSTOCK_FRAME_HEADER_BYTES + head->message_bytes,
	};

	if (head->type < PENSTOCK_FRAME_WELCOME || penstock_frame_name(head->type) == NULL) {
		differ(replayer, "the daemon sent a frame of type 0x%x", head->type);
	} else if (head->type == PENSTOCK_FRAME_WELCOME) {
		replayer->welcomed = true;
	} else if (head->type == PENSTOCK_FRAME_CLOSING) {
		on_closing(replayer, &frame);
	} else if (head->type == PENSTOCK_FRAME_SYNC_VALUE) {
		replayer->values++;
	} else if (head->type == PENSTOCK_FRAME_FENCE) {
		on_fence(replayer, &frame);
	} else {
		on_answer(replayer, &frame);
	}
}

void penstock_replayer_ended(struct penstock_replayer *replayer, const char *why)
{
	if (replayer->over) {
		return;
	}
	replayer->over = true;
	if (replayer->result.requests > replayer->answered &&
	    replayer->script.requests[replayer->answered + 1].answered) {
		differ_request(replayer, replayer->answered + 1,
			       why == NULL ? "it was answered, and is not" : why);
	} else if (why != NULL && !replayer->closing) {
		differ(replayer, "the connection ended: %s", why);
	}
}

/* ------------------------------------------------------------------ the cursor */

/* An answer or a fence of the recording: whether the same is known in this session. */
static bool is_known(const struct penstock_replayer *replayer,
		     const struct penstock_recorded_frame *frame)
{
	struct penstock_replay_fence fence;

	switch (frame->head.type) {
	case PENSTOCK_FRAME_WELCOME:
		return replayer->welcomed;
	case PENSTOCK_FRAME_CLOSING:
		return replayer->closing;
	case PENSTOCK_FRAME_SYNC_VALUE:
		/* Told once for each Wait: as many as were told in the recording. */
		return replayer->values > replayer->values_recorded;
	case PENSTOCK_FRAME_FENCE:
		return !penstock_replay_fence(frame, &fence) || fence_reached(replayer, &fence);
	default:
		return replayer->answered >= frame->head.serial;
	}
}

static const struct token *find_token(const struct penstock_replayer *replayer, uint64_t high,
				      uint64_t low)
{
	for (size_t i = replayer->token_count; i-- > 0;) {
		if (replayer->tokens[i].high == high && replayer->tokens[i].low == low) {
			return &replayer->tokens[i];
		}
	}
	return NULL;
}

/*
 * The request with this session's token. False: as it is; the token is from somewhere else. The
 * fields of OpenAllocation and OpenSyncObject are numbered alike.
 */
static bool rebind_open(struct penstock_replayer *replayer,
			const struct penstock_recorded_frame *frame, size_t *ret_size)
{
	const struct token *token;
	struct penstock_frame head = frame->head;
	Penstock__Wire__OpenAllocation *open;
	struct penstock_budget budget;
	bool rebound = false;

	penstock_budget_init(&budget);
	open = penstock__wire__open_allocation__unpack(&budget.allocator, frame->head.message_bytes,
						       frame->message);
	if (open == NULL) {
		return false;
	}
	token = find_token(replayer, open->token_high, open->token_low);
	if (token != NULL && open->base.n_unknown_fields == 0) {
		open->token_high = token->now_high;
		open->token_low = token->now_low;
		head.message_bytes =
			(uint32_t)penstock__wire__open_allocation__get_packed_size(open);
		*ret_size = penstock_frame_bytes(&head);
		PENSTOCK_REQUIRE(*ret_size <= sizeof(replayer->open));
		penstock_frame_encode(&head, replayer->open);
		penstock__wire__open_allocation__pack(open,
						      replayer->open + PENSTOCK_FRAME_HEADER_BYTES);
		rebound = true;
	}
	penstock__wire__open_allocation__free_unpacked(open, &budget.allocator);
	return rebound;
}

static void send(struct penstock_replayer *replayer, const struct penstock_recorded_frame *frame,
		 const uint8_t **ret_bytes, size_t *ret_size)
{
	const struct penstock_replay_script *script = &replayer->script;
	uint64_t before = replayer->result.requests, made = before;

	while (made < script->last && script->requests[made + 1].request == replayer->cursor) {
		made++;
	}
	*ret_bytes = frame->bytes;
	*ret_size = penstock_frame_bytes(&frame->head);
	if ((frame->head.type == PENSTOCK_FRAME_OPEN_ALLOCATION ||
	     frame->head.type == PENSTOCK_FRAME_OPEN_SYNC_OBJECT) &&
	    frame->head.payload_bytes == 0 && rebind_open(replayer, frame, ret_size)) {
		*ret_bytes = replayer->open;
	}
	replayer->result.requests = made;
	if (frame->head.type == PENSTOCK_FRAME_SUBMIT) {
		replayer->result.submissions += made - before;
	}
	replayer->cursor++;
}

enum penstock_replay_turn penstock_replayer_next(struct penstock_replayer *replayer,
						 const uint8_t **ret_bytes, size_t *ret_size)
{
	while (replayer->cursor < replayer->recording->count && !replayer->over) {
		const struct penstock_recorded_frame *frame =
			&replayer->recording->frames[replayer->cursor];

		if (frame->head.type < PENSTOCK_FRAME_WELCOME) {
			send(replayer, frame, ret_bytes, ret_size);
			return PENSTOCK_REPLAY_SEND;
		}
		if (!is_known(replayer, frame)) {
			return PENSTOCK_REPLAY_WAIT;
		}
		replayer->values_recorded += frame->head.type == PENSTOCK_FRAME_SYNC_VALUE;
		replayer->cursor++;
	}
	return PENSTOCK_REPLAY_DONE;
}

/* ------------------------------------------------------------------ its life */

enum penstock_status penstock_replayer_new(const char *name,
					   const struct penstock_recording *recording,
					   struct penstock_replayer **ret_replayer,
					   struct penstock_errbuf *reterr_text)
{
	struct penstock_replayer *replayer = calloc(1, sizeof(*replayer));
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;

	penstock_errbuf_set(reterr_text, "%.150s: out of memory", name);
	if (replayer == NULL) {
		return status;
	}
	replayer->recording = recording;
	status = penstock_replay_script_init(&replayer->script, name, recording, reterr_text);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		replayer->outcomes = calloc(replayer->script.last + 1, sizeof(*replayer->outcomes));
		replayer->ended = calloc(replayer->script.end_count, sizeof(*replayer->ended));
		status = replayer->outcomes == NULL || replayer->ended == NULL
				 ? PENSTOCK_STATUS_NO_MEMORY
				 : status;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_replayer_free(replayer);
		return status;
	}
	*ret_replayer = replayer;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_replayer_free(struct penstock_replayer *replayer)
{
	if (replayer == NULL) {
		return;
	}
	penstock_replay_script_fini(&replayer->script);
	free(replayer->outcomes);
	free(replayer->ended);
	free(replayer->tokens);
	free(replayer);
}

const struct penstock_replay_result *
penstock_replayer_result(const struct penstock_replayer *replayer)
{
	return &replayer->result;
}
