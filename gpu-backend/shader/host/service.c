/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/host/service.h"

#include "gpu-backend/shader/host/process.h"
#include "proto/base/list.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Out of the way of the request that took the one that stood by. */
#define STANDBY_DELAY_MS 5

struct penstock_shader_check {
	struct penstock_list link; /* waiting or working */
	struct penstock_shader_service *service;
	struct penstock_shader_process *process; /* NULL: it waits */
	penstock_shader_answered *answered;      /* NULL: cancelled, while its process ends */
	void *owner;
	size_t byte_count;
	/* What the process is given, to its last word. */
	struct penstock_shader_request_header request;
	uint32_t behind[]; /* constants, words */
};

struct penstock_shader_service {
	uv_loop_t *loop;
	pthread_t thread;
	char *program;
	uint32_t at_once;
	uint32_t wall_ms;
	struct penstock_list waiting; /* penstock_shader_check.link */
	struct penstock_list working;
	uint32_t waiting_count;
	size_t waiting_bytes;
	uint32_t working_count;
	struct penstock_shader_process *standby;
	uint32_t process_count; /* that are not closed */
	uv_timer_t pump;        /* something may begin */
	uv_timer_t standby_timer;
	unsigned open_handles;
	bool is_closing;
	void (*closed)(void *owner);
	void *closed_owner;
};

static void on_pump(uv_timer_t *timer);

static void require_thread(const struct penstock_shader_service *service)
{
	PENSTOCK_REQUIRE(pthread_equal(service->thread, pthread_self()));
}

/* A check that waits begins, or does not any more. */
static void leave_queue(struct penstock_shader_service *service,
			const struct penstock_shader_check *check)
{
	service->waiting_count--;
	service->waiting_bytes -= check->byte_count;
}

/* ---------------------------------------------------------------- the end */

static void maybe_closed(struct penstock_shader_service *service)
{
	if (service->is_closing && service->process_count == 0 && service->open_handles == 0) {
		void (*closed)(void *owner) = service->closed;
		void *owner = service->closed_owner;

		free(service->program);
		free(service);
		closed(owner);
	}
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct penstock_shader_service *service = handle->data;

	service->open_handles--;
	maybe_closed(service);
}

static void on_process_closed(struct penstock_shader_process *process)
{
	struct penstock_shader_service *service = penstock_shader_process_owner(process);

	service->process_count--;
	maybe_closed(service);
}

/* ---------------------------------------------------------------- answers */

static struct penstock_shader_check *check_of(const struct penstock_shader_service *service,
					      const struct penstock_shader_process *process)
{
	penstock_list_for_each (link, &service->working) {
		struct penstock_shader_check *check =
			penstock_list_entry(link, struct penstock_shader_check, link);

		if (check->process == process) {
			return check;
		}
	}
	return NULL;
}

/* Out of its list already. */
static void answer(struct penstock_shader_check *check, const struct penstock_shader_answer *what)
{
	if (check->answered != NULL) {
		check->answered(check->owner, what);
	}
	free(check);
}

static void on_left(struct penstock_shader_process *process,
		    const struct penstock_shader_leaving *leaving)
{
	struct penstock_shader_service *service = penstock_shader_process_owner(process);
	struct penstock_shader_check *check = check_of(service, process);
	struct penstock_errbuf text = { "" };
	struct penstock_shader_answer what;

	if (service->standby == process) {
		service->standby = NULL; /* another is started when it is needed */
	}
	if (check == NULL) {
		return;
	}
	penstock_list_remove(&check->link);
	service->working_count--;
	if (!service->is_closing) {
		uv_timer_start(&service->pump, on_pump, 0, 0);
	}
	penstock_shader_answer_read(leaving,
				    &(struct penstock_shader_asked){
					    .stage = check->request.stage,
					    .word_count = check->request.word_count,
					    .entry_point = check->request.entry_point,
				    },
				    &text, &what);
	answer(check, &what);
}

/* ---------------------------------------------------------------- processes */

static enum penstock_status start(struct penstock_shader_service *service,
				  struct penstock_shader_process **ret_process)
{
	struct penstock_shader_process_config config = {
		.loop = service->loop,
		.program = service->program,
		.wall_ms = service->wall_ms,
		.owner = service,
		.left = on_left,
		.closed = on_process_closed,
	};
	enum penstock_status status = penstock_shader_process_start(&config, ret_process);

	service->process_count += status == PENSTOCK_STATUS_SUCCESS;
	return status;
}

static void on_standby_timer(uv_timer_t *timer)
{
	struct penstock_shader_service *service = timer->data;
	struct penstock_shader_process *process;

	if (service->standby == NULL && start(service, &process) == PENSTOCK_STATUS_SUCCESS) {
		service->standby = process;
	}
}

/* The one that stands by, or a new one. */
static enum penstock_status take_process(struct penstock_shader_service *service,
					 struct penstock_shader_process **ret_process)
{
	uv_timer_start(&service->standby_timer, on_standby_timer, STANDBY_DELAY_MS, 0);
	if (service->standby != NULL) {
		*ret_process = service->standby;
		service->standby = NULL;
		return PENSTOCK_STATUS_SUCCESS;
	}
	return start(service, ret_process);
}

static void begin(struct penstock_shader_service *service, struct penstock_shader_check *check)
{
	enum penstock_status status = take_process(service, &check->process);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		answer(check, &(struct penstock_shader_answer){
				      .status = status,
				      .word_offset = PENSTOCK_SHADER_NO_WORD,
				      .sentence = "the program that checks shaders cannot be "
						  "started",
			      });
		return;
	}
	penstock_list_append(&service->working, &check->link);
	service->working_count++;
	penstock_shader_process_give(check->process, &check->request, check->byte_count);
}

static void on_pump(uv_timer_t *timer)
{
	struct penstock_shader_service *service = timer->data;

	/* A callback may close the service: it stays until its handles are closed. */
	while (!service->is_closing && service->working_count < service->at_once) {
		struct penstock_list *link = penstock_list_pop(&service->waiting);
		struct penstock_shader_check *check;

		if (link == NULL) {
			return;
		}
		check = penstock_list_entry(link, struct penstock_shader_check, link);
		leave_queue(service, check);
		begin(service, check);
	}
}

/* ---------------------------------------------------------------- the interface */

enum penstock_status
penstock_shader_service_create(const struct penstock_shader_service_config *config,
			       struct penstock_shader_service **ret_service)
{
	struct penstock_shader_service *service = malloc(sizeof(*service));
	char *program = strdup(config->program);

	if (service == NULL || program == NULL) {
		free(service);
		free(program);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*service = (struct penstock_shader_service){
		.loop = config->loop,
		.thread = pthread_self(),
		.program = program,
		.at_once = config->at_once == 0 ? PENSTOCK_LIMIT_SHADER_AT_ONCE : config->at_once,
		.wall_ms = config->wall_ms == 0 ? PENSTOCK_LIMIT_SHADER_WALL_MS : config->wall_ms,
		.open_handles = 2,
	};
	penstock_list_init(&service->waiting);
	penstock_list_init(&service->working);
	uv_timer_init(config->loop, &service->pump);
	uv_timer_init(config->loop, &service->standby_timer);
	service->pump.data = service->standby_timer.data = service;
	*ret_service = service;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_shader_service_close(struct penstock_shader_service *service,
				   void (*closed)(void *owner), void *owner)
{
	struct penstock_list *link;

	if (service == NULL) {
		return;
	}
	require_thread(service);
	PENSTOCK_REQUIRE(!service->is_closing);
	service->is_closing = true;
	service->closed = closed;
	service->closed_owner = owner;
	while ((link = penstock_list_pop(&service->waiting)) != NULL) {
		free(penstock_list_entry(link, struct penstock_shader_check, link));
	}
	penstock_list_for_each (working, &service->working) {
		struct penstock_shader_check *check =
			penstock_list_entry(working, struct penstock_shader_check, link);

		check->answered = NULL;
		penstock_shader_process_kill(check->process);
	}
	if (service->standby != NULL) {
		penstock_shader_process_kill(service->standby);
	}
	uv_close((uv_handle_t *)&service->pump, on_handle_closed);
	uv_close((uv_handle_t *)&service->standby_timer, on_handle_closed);
}

static bool fits(const struct penstock_shader_request *request)
{
	return request->word_count <= PENSTOCK_LIMIT_SHADER_BYTES / sizeof(uint32_t) &&
	       request->constant_count <= PENSTOCK_LIMIT_SHADER_CONSTANTS &&
	       (uint32_t)request->stage < PENSTOCK_SHADER_STAGES &&
	       strlen(request->entry_point) < PENSTOCK_LIMIT_SHADER_NAME_BYTES;
}

static void copy(struct penstock_shader_check *check, const struct penstock_shader_request *request)
{
	size_t constant_bytes = request->constant_count * sizeof(*request->constants);

	memset(&check->request, 0, sizeof(check->request));
	check->request.magic = PENSTOCK_SHADER_MAGIC;
	check->request.stage = request->stage;
	check->request.constant_count = request->constant_count;
	check->request.word_count = request->word_count;
	memcpy(check->request.entry_point, request->entry_point, strlen(request->entry_point));
	if (constant_bytes > 0) {
		memcpy(check->behind, request->constants, constant_bytes);
	}
	if (request->word_count > 0) {
		memcpy((char *)check->behind + constant_bytes, request->words,
		       request->word_count * sizeof(uint32_t));
	}
}

enum penstock_status penstock_shader_check(struct penstock_shader_service *service,
					   const struct penstock_shader_request *request,
					   penstock_shader_answered *answered, void *owner,
					   struct penstock_shader_check **ret_check)
{
	struct penstock_shader_check *check;
	size_t behind;

	require_thread(service);
	PENSTOCK_REQUIRE(!service->is_closing && answered != NULL);
	if (!fits(request)) {
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	behind = request->constant_count * sizeof(*request->constants) +
		 request->word_count * sizeof(uint32_t);
	if (service->waiting_count == PENSTOCK_LIMIT_SHADER_QUEUED ||
	    service->waiting_bytes + behind > PENSTOCK_LIMIT_SHADER_QUEUED_BYTES) {
		return PENSTOCK_STATUS_QUOTA_EXCEEDED;
	}
	check = malloc(sizeof(*check) + behind);
	if (check == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	check->service = service;
	check->process = NULL;
	check->answered = answered;
	check->owner = owner;
	check->byte_count = sizeof(check->request) + behind;
	copy(check, request);
	penstock_list_append(&service->waiting, &check->link);
	service->waiting_count++;
	service->waiting_bytes += check->byte_count;
	uv_timer_start(&service->pump, on_pump, 0, 0);
	*ret_check = check;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_shader_cancel(struct penstock_shader_check *check)
{
	struct penstock_shader_service *service = check->service;

	require_thread(service);
	check->answered = NULL;
	if (check->process != NULL) {
		penstock_shader_process_kill(check->process);
		return;
	}
	penstock_list_remove(&check->link);
	leave_queue(service, check);
	free(check);
}
