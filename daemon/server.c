/* SPDX-License-Identifier: MIT */
#include "daemon/server.h"

#include "daemon/directories.h"
#include "daemon/faults.h"
#include "daemon/metrics.h"
#include "daemon/net/listener.h"
#include "daemon/net/net.h"
#include "daemon/notify.h"
#include "daemon/objects/objects.h"
#include "daemon/render/presentation_caps.h"
#include "daemon/report.h"
#include "daemon/store/store.h"
#include "gpu-backend/backend.h"
#include "gpu-backend/emulated/host/description.h"

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

/* GPU processes die with their daemon; the next one need not wait long for them. */
#define LOCK_WAIT_MS 10000u
/* How often a draining daemon looks whether it may stop. */
#define DRAIN_STEP_MS 20u
#define PATH_BYTES    4096u
/*
 * Blocks up to the first size come from the heap, which keeps up to the second when they are freed:
 * the pages of a large submission are there for the next one. An idle daemon gives them back.
 */
#define HEAP_BLOCK_BYTES (32 << 20)
#define HEAP_KEPT_BYTES  (64 << 20)
#define HEAP_IDLE_MS     10000u

enum server_state {
	SERVER_STARTING,
	SERVER_RUNNING,
	SERVER_DRAINING,
	SERVER_STOPPING,
};

struct penstock_server {
	uv_loop_t loop;
	enum server_state state;
	struct penstock_config *config; /* borrowed */
	struct penstock_log *log;       /* borrowed */
	const char *config_file;        /* borrowed; NULL: none */
	int argument_count;             /* borrowed, for the reload */
	char **arguments;
	int memory_lock;
	struct penstock_store *store;                    /* owned */
	struct penstock_shader_service *shaders;         /* owned; NULL: built without Vulkan */
	struct penstock_description_process description; /* until the machine starts */
	struct penstock_adapter_facts *facts;            /* owned; NULL: no adapter has pipelines */
	struct penstock_machine *machine;                /* owned */
	struct penstock_net *net;                        /* owned */
	uv_signal_t terminate;
	uv_signal_t interrupt;
	uv_signal_t hangup;
	uv_timer_t watchdog;
	uv_timer_t drain;
	uv_timer_t heap;
	uint64_t drain_end_ms;
	struct penstock_fault faults[PENSTOCK_LIMIT_ADAPTERS]
				    [PENSTOCK_FAULTS_MAX]; /* faulty ones */
	struct penstock_principal_rule rules[1 + PENSTOCK_CONFIG_PRINCIPALS];
	bool handles; /* the six above are initialised */
	int exit_status;
};

static void stop(struct penstock_server *server);

/* ---------------------------------------------------------------- what the parts call */

struct job {
	uv_work_t request;
	void (*work)(void *argument);
	void (*done)(void *argument);
	void *argument;
};

static void job_work(uv_work_t *request)
{
	struct job *job = penstock_container_of(request, struct job, request);

	job->work(job->argument);
}

static void job_done(uv_work_t *request, int error)
{
	struct job *job = penstock_container_of(request, struct job, request);
	struct job copy = *job;

	(void)error; /* nothing of ours is cancelled */
	free(job);
	copy.done(copy.argument);
}

static enum penstock_status run_job(void *owner, void (*work)(void *argument),
				    void (*done)(void *argument), void *argument)
{
	struct penstock_server *server = owner;
	struct job *job = malloc(sizeof(*job));

	if (job == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*job = (struct job){ .work = work, .done = done, .argument = argument };
	if (uv_queue_work(&server->loop, &job->request, job_work, job_done) != 0) {
		free(job);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* Ids and tokens guard sessions and memory: without randomness there is nothing to go on with. */
static void random_bytes(void *owner, uint8_t ret_bytes[16])
{
	size_t have = 0;

	(void)owner;
	while (have < 16) {
		ssize_t count = getrandom(ret_bytes + have, 16 - have, 0);

		PENSTOCK_REQUIRE(count > 0 || errno == EINTR);
		have += count > 0 ? (size_t)count : 0;
	}
}

/* Nothing is executed by it: what a submission would have written is not there. */
static enum penstock_status start_faulty(struct penstock_server *server, uint32_t adapter_index,
					 const struct penstock_backend_config *config,
					 struct penstock_backend **ret_backend,
					 struct penstock_errbuf *reterr_text)
{
	struct penstock_faulty_config faulty = { .script = server->faults[adapter_index] };
	enum penstock_status status = penstock_faults_parse(
		server->config->adapters[adapter_index].faults, server->faults[adapter_index],
		&faulty.script_count, reterr_text);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_faulty_start(config, &faulty, ret_backend);
	}
	return status;
}

static enum penstock_status start_backend(void *owner, uint32_t adapter_index,
					  const struct penstock_backend_callbacks *callbacks,
					  struct penstock_backend **ret_backend,
					  struct penstock_errbuf *reterr_text)
{
	static enum penstock_status (*const starts[PENSTOCK_BACKEND_KIND_COUNT])(
		const struct penstock_backend_config *, struct penstock_backend **,
		struct penstock_errbuf *) = {
		[PENSTOCK_BACKEND_EMULATED] = penstock_emulated_start,
		[PENSTOCK_BACKEND_NULL] = penstock_null_start,
	};
	struct penstock_server *server = owner;
	const struct penstock_config_adapter *said = &server->config->adapters[adapter_index];
	const struct penstock_backend_config config = {
		.loop = &server->loop,
		.gpu_program = server->config->gpu_program,
		.memory_lock = server->memory_lock,
		.local_bytes = said->local_memory,
		.aperture_bytes = said->aperture_memory,
		.callbacks = *callbacks,
	};

	if (said->backend == PENSTOCK_BACKEND_FAULTY) {
		return start_faulty(server, adapter_index, &config, ret_backend, reterr_text);
	}
	return starts[said->backend](&config, ret_backend, reterr_text);
}

static void log_line(void *owner, int level, const char *group, const char *text)
{
	struct penstock_server *server = owner;

	penstock_log(server->log, level, group, "%s", text);
}

static void store_committed(void *owner, uint64_t sequence)
{
	struct penstock_server *server = owner;

	if (server->machine != NULL) {
		penstock_machine_committed(server->machine, sequence);
	}
}

/* Nothing more can be acknowledged: better to end, and be started again, than to look alive. */
static void store_failed(void *owner, enum penstock_status status, const char *text)
{
	struct penstock_server *server = owner;

	penstock_log(server->log, PENSTOCK_LOG_CRITICAL, "store", "failed status=%s: %s",
		     penstock_status_name(status), text);
	server->exit_status = EXIT_FAILURE;
	if (server->state == SERVER_RUNNING || server->state == SERVER_DRAINING) {
		stop(server);
	}
}

static char *metrics_text(void *owner)
{
	struct penstock_server *server = owner;

	return penstock_report_metrics(server->net, server->machine, server->store);
}

/* ---------------------------------------------------------------- stopping, in order */

static void unlock_memory(struct penstock_server *server)
{
	if (server->memory_lock >= 0) {
		(void)close(server->memory_lock);
		server->memory_lock = -1;
	}
}

static void close_handles(struct penstock_server *server)
{
	uv_handle_t *const handles[] = {
		(uv_handle_t *)&server->terminate, (uv_handle_t *)&server->interrupt,
		(uv_handle_t *)&server->hangup,    (uv_handle_t *)&server->watchdog,
		(uv_handle_t *)&server->drain,     (uv_handle_t *)&server->heap,
	};

	if (!server->handles) {
		return;
	}
	server->handles = false;
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(handles); i++) {
		uv_close(handles[i], NULL);
	}
}

static void store_closed(void *argument)
{
	struct penstock_server *server = argument;

	server->store = NULL;
	unlock_memory(server);
	close_handles(server);
}

static void shaders_closed(void *argument)
{
	struct penstock_server *server = argument;

	server->shaders = NULL;
	if (server->store != NULL) {
		penstock_store_close(server->store, store_closed, server);
	} else {
		store_closed(server);
	}
}

static void machine_stopped(void *argument)
{
	struct penstock_server *server = argument;

	server->machine = NULL;
#ifdef HAVE_VULKAN
	if (server->shaders != NULL) {
		penstock_shader_service_close(server->shaders, shaders_closed, server);
		return;
	}
#endif
	shaders_closed(server);
}

static void net_stopped(void *argument)
{
	struct penstock_server *server = argument;

	server->net = NULL;
	if (server->machine != NULL) {
		penstock_machine_stop(server->machine, machine_stopped, server);
	} else {
		machine_stopped(server);
	}
}

static void stop(struct penstock_server *server)
{
	if (server->state == SERVER_STOPPING) {
		return;
	}
	server->state = SERVER_STOPPING;
	if (server->handles) {
		(void)uv_timer_stop(&server->drain);
	}
	if (server->net != NULL) {
		penstock_net_stop(server->net, net_stopped, server);
	} else {
		net_stopped(server);
	}
}

/* ---------------------------------------------------------------- signals */

static void drain_cb(uv_timer_t *timer)
{
	struct penstock_server *server = timer->data;
	bool idle = penstock_machine_idle(server->machine) && penstock_net_idle(server->net);

	if (!idle && uv_now(&server->loop) < server->drain_end_ms) {
		return;
	}
	penstock_log(server->log, PENSTOCK_LOG_NOTICE, "server", "stopping drained=%s",
		     idle ? "yes" : "no");
	stop(server);
}

static void terminate_cb(uv_signal_t *handle, int number)
{
	struct penstock_server *server = handle->data;

	if (server->state != SERVER_RUNNING) {
		stop(server); /* told twice: at once */
		return;
	}
	server->state = SERVER_DRAINING;
	penstock_log(server->log, PENSTOCK_LOG_NOTICE, "server", "draining signal=%d", number);
	penstock_notify("STOPPING=1");
	penstock_net_drain(server->net);
	server->drain_end_ms = uv_now(&server->loop) + server->config->drain_s * 1000;
	(void)uv_timer_start(&server->drain, drain_cb, 0, DRAIN_STEP_MS);
}

static void fixed_key(void *owner, const char *key)
{
	struct penstock_server *server = owner;

	penstock_log(server->log, PENSTOCK_LOG_WARNING, "config",
		     "key='%s' takes effect at the next start", key);
}

static enum penstock_status read_again(struct penstock_server *server, struct penstock_config *next,
				       struct penstock_errbuf *reterr_text)
{
	struct penstock_options options;
	enum penstock_status status;

	status = penstock_config_options(server->argument_count, server->arguments, next, &options,
					 reterr_text);
	penstock_options_fini(&options);
	if (status == PENSTOCK_STATUS_SUCCESS && server->config_file != NULL) {
		status = penstock_config_file(next, server->config_file, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_config_complete(next, reterr_text);
	}
	return status;
}

static struct penstock_tdr_limits tdr_limits(const struct penstock_config_adapter *said)
{
	return (struct penstock_tdr_limits){
		.count = (uint32_t)said->tdr_limit_count,
		.window_ms = said->tdr_limit_time_s * 1000,
		.block_ms = said->tdr_block_time_s * 1000,
	};
}

/* The machine has as many adapters as it was started with. */
static void reload_tdr_limits(const struct penstock_server *server)
{
	for (uint32_t i = 0; server->machine != NULL && i <= server->config->more_adapters; i++) {
		const struct penstock_tdr_limits limits = tdr_limits(&server->config->adapters[i]);

		penstock_machine_set_tdr_limits(server->machine, i, &limits);
	}
}

static void hangup_cb(uv_signal_t *handle, int number)
{
	struct penstock_server *server = handle->data;
	struct penstock_config next = { .given = 0 };
	struct penstock_errbuf text;

	(void)number;
	if (read_again(server, &next, &text) != PENSTOCK_STATUS_SUCCESS) {
		penstock_log(server->log, PENSTOCK_LOG_ERROR, "config", "not reloaded: %s",
			     text.text);
	} else {
		penstock_config_reload(server->config, &next, fixed_key, server);
		server->log->level = (int)server->config->log_level;
		if (server->net != NULL) {
			server->net->config.max_connections = (uint32_t)server->config->connections;
		}
		reload_tdr_limits(server);
		penstock_log(server->log, PENSTOCK_LOG_NOTICE, "config", "reloaded");
	}
	penstock_config_fini(&next);
}

static void watchdog_cb(uv_timer_t *timer)
{
	(void)timer;
	penstock_notify("WATCHDOG=1");
}

static void heap_cb(uv_timer_t *timer)
{
	struct penstock_server *server = timer->data;

	if (server->state == SERVER_RUNNING && penstock_machine_idle(server->machine)) {
		(void)malloc_trim(0);
	}
}

static void start_handles(struct penstock_server *server)
{
	uint64_t watchdog_ms = penstock_notify_watchdog_ms();

	/* none of these can fail: the loop is there, and the signals are ordinary ones */
	(void)uv_signal_init(&server->loop, &server->terminate);
	(void)uv_signal_init(&server->loop, &server->interrupt);
	(void)uv_signal_init(&server->loop, &server->hangup);
	(void)uv_timer_init(&server->loop, &server->watchdog);
	(void)uv_timer_init(&server->loop, &server->drain);
	(void)uv_timer_init(&server->loop, &server->heap);
	server->terminate.data = server;
	server->interrupt.data = server;
	server->hangup.data = server;
	server->drain.data = server;
	server->heap.data = server;
	server->handles = true;
	(void)uv_signal_start(&server->terminate, terminate_cb, SIGTERM);
	(void)uv_signal_start(&server->interrupt, terminate_cb, SIGINT);
	(void)uv_signal_start(&server->hangup, hangup_cb, SIGHUP);
	(void)uv_timer_start(&server->heap, heap_cb, HEAP_IDLE_MS, HEAP_IDLE_MS);
	if (watchdog_ms > 0) {
		(void)uv_timer_start(&server->watchdog, watchdog_cb, watchdog_ms, watchdog_ms);
	}
}

/* ---------------------------------------------------------------- starting, in order */

/* A descriptor for each connection, and some for files and processes. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum penstock_status start_places(struct penstock_server *server,
					 struct penstock_errbuf *reterr_text)
{
	enum penstock_status status =
		penstock_directory_make(server->config->state_dir, reterr_text);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_directory_make(server->config->memory_dir, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_directory_lock(server->config->memory_dir, LOCK_WAIT_MS,
						 &server->memory_lock, reterr_text);
	}
	return status;
}

static enum penstock_status start_store(struct penstock_server *server,
					struct penstock_errbuf *reterr_text)
{
	struct penstock_store_config config = {
		.loop = &server->loop,
		.owner = server,
		.committed = store_committed,
		.failed = store_failed,
	};
	char path[PATH_BYTES];

	if ((size_t)snprintf(path, sizeof(path), "%s/penstock.db", server->config->state_dir) >=
	    sizeof(path)) {
		penstock_errbuf_set(reterr_text, "state-dir: the path is too long");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	config.path = path;
	return penstock_store_open(&config, &server->store, reterr_text);
}

/*
 * Adapter 0 has the memory directory itself, which is where a daemon of one adapter has its memory;
 * further ones have folders in it.
 */
static enum penstock_status name_memory_dir(const struct penstock_server *server, uint32_t index,
					    char ret_path[PATH_BYTES],
					    struct penstock_errbuf *reterr_text)
{
	const char *memory_dir = server->config->memory_dir;
	const int length = index == 0 ? snprintf(ret_path, PATH_BYTES, "%s", memory_dir)
				      : snprintf(ret_path, PATH_BYTES, "%s/adapter-%" PRIu32,
						 memory_dir, index);

	if ((size_t)length >= PATH_BYTES) {
		penstock_errbuf_set(reterr_text, "memory-dir: the path is too long");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* Adapters that the configuration does not have any more: their contents are lost. */
static void remove_old_memory(const struct penstock_server *server)
{
	char path[PATH_BYTES];

	for (uint32_t i = server->config->more_adapters + 1; i < PENSTOCK_LIMIT_ADAPTERS; i++) {
		if (name_memory_dir(server, i, path, NULL) == PENSTOCK_STATUS_SUCCESS) {
			penstock_vidmm_remove(path);
		}
	}
}

static void name_rules(struct penstock_server *server)
{
	for (uint32_t i = 0; i <= server->config->more_principals; i++) {
		const struct penstock_config_principal *said = &server->config->principals[i];

		server->rules[i] = (struct penstock_principal_rule){
			.name = said->name,
			.weight = (uint32_t)said->weight,
			.max_priority = (int32_t)said->max_priority,
		};
	}
}

/* ---------------------------------------------------------------- the driver's description */

/* Whether pipelines can be made on the adapter: somebody wants them, and the driver has them. */
static bool has_pipelines(const struct penstock_server *server,
			  const struct penstock_config_adapter *adapter)
{
	return server->facts != NULL && adapter->pipelines;
}

static void log_no_pipelines(const struct penstock_server *server, const char *why)
{
	penstock_log(server->log, PENSTOCK_LOG_ERROR, "gpu", "adapters without pipelines: %s", why);
}

/* All adapters have one driver. It is opened while the store is. */
static enum penstock_status start_description(struct penstock_server *server,
					      struct penstock_errbuf *reterr_text)
{
	bool wanted = false;

	(void)reterr_text;
#ifdef HAVE_VULKAN
	for (uint32_t i = 0; i <= server->config->more_adapters; i++) {
		wanted = wanted || server->config->adapters[i].pipelines;
	}
#endif
	if (wanted) {
		struct penstock_errbuf why;

		if (penstock_description_start(server->config->gpu_program, &server->description,
					       &why) != PENSTOCK_STATUS_SUCCESS) {
			log_no_pipelines(server, why.text);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status finish_description(struct penstock_server *server,
					       struct penstock_errbuf *reterr_text)
{
	struct penstock_errbuf why;

	if (server->description.pid == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	server->facts = malloc(sizeof(*server->facts));
	if (server->facts == NULL) {
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (penstock_description_finish(&server->description, PENSTOCK_LIMIT_DESCRIBE_MS,
					server->facts, &why) != PENSTOCK_STATUS_SUCCESS) {
		log_no_pipelines(server, why.text);
		free(server->facts);
		server->facts = NULL;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status start_shaders(struct penstock_server *server,
					  struct penstock_errbuf *reterr_text)
{
#ifdef HAVE_VULKAN
	const struct penstock_shader_service_config config = {
		.loop = &server->loop,
		.program = server->config->shader_program,
	};
	enum penstock_status status = penstock_shader_service_create(&config, &server->shaders);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "out of memory");
	}
	return status;
#else
	(void)server;
	(void)reterr_text;
	return PENSTOCK_STATUS_SUCCESS;
#endif
}

/* Who checks shaders; nobody is asked where no adapter has pipelines. */
static struct penstock_shader_checker shader_checker(struct penstock_server *server)
{
	struct penstock_shader_checker checker = { .service = server->shaders };

#ifdef HAVE_VULKAN
	checker.check = penstock_shader_check;
	checker.cancel = penstock_shader_cancel;
#endif
	return checker;
}

static enum penstock_status start_machine(struct penstock_server *server,
					  struct penstock_errbuf *reterr_text)
{
	const struct penstock_config *said = server->config;
	char paths[PENSTOCK_LIMIT_ADAPTERS][PATH_BYTES];
	struct penstock_adapter_config adapters[PENSTOCK_LIMIT_ADAPTERS];
	char reports[PATH_BYTES];
	const struct penstock_machine_config config = {
		.memory_dir = said->memory_dir,
		.reports_path = reports,
		.adapters = adapters,
		.adapter_count = said->more_adapters + 1,
		.principal_quota_bytes = said->principal_memory,
		.principal_rules = server->rules,
		.principal_rule_count = said->more_principals + 1,
		.max_sessions_per_principal = (uint32_t)said->principal_sessions,
		.max_lease_s = (uint32_t)said->max_lease_s,
		.store = server->store,
		.worker = { .owner = server, .run = run_job },
		.worker_bytes = (uint32_t)said->worker_bytes,
		.shaders = shader_checker(server),
		.loop = &server->loop,
		.random = random_bytes,
		.start_backend = start_backend,
		.owner = server,
		.log = log_line,
	};
	enum penstock_status status;

	if ((size_t)snprintf(reports, sizeof(reports), "%s/reports", said->state_dir) >=
	    sizeof(reports)) {
		penstock_errbuf_set(reterr_text, "state-dir: the path is too long");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	name_rules(server);
	for (uint32_t i = 0; i < config.adapter_count; i++) {
		const struct penstock_config_adapter *adapter = &said->adapters[i];

		status = name_memory_dir(server, i, paths[i], reterr_text);
		if (status == PENSTOCK_STATUS_SUCCESS && i > 0) {
			status = penstock_directory_make(paths[i], reterr_text);
		}
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		adapters[i] = (struct penstock_adapter_config){
			.memory_dir = paths[i],
			.local_bytes = adapter->local_memory,
			.aperture_bytes = adapter->aperture_memory,
			.hw_queue_packet_cap = (uint32_t)adapter->hw_queue_packet_cap,
			.first_fence_id = (uint32_t)adapter->first_fence,
			.test_instructions = adapter->test_instructions,
			.pipelines = has_pipelines(server, adapter),
			.formats = has_pipelines(server, adapter) ? server->facts->formats : NULL,
			.paranoid = adapter->paranoid,
			.tdr_delay_ms = (uint32_t)adapter->tdr_delay_ms,
			.tdr_limits = tdr_limits(adapter),
		};
	}
	status = penstock_machine_start(&config, &server->machine, reterr_text);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		remove_old_memory(server);
	}
	return status;
}

/*
 * The coarsest of all that is executed: a dispatch that reads how many workgroups it has is not
 * taken apart, where others are.
 */
static uint32_t preemption_of(const struct penstock_config_adapter *said, uint32_t finest)
{
	return said->backend == PENSTOCK_BACKEND_EMULATED ? finest : PENSTOCK_PREEMPTION_DMA_BUFFER;
}

static void describe_adapter(const struct penstock_server *server,
			     const struct penstock_config_adapter *said,
			     struct penstock_net_adapter *ret_info)
{
	*ret_info = (struct penstock_net_adapter){
		.description = "Penstock emulated GPU",
		.backend = penstock_backend_kind_name(said->backend),
		.local_bytes = said->local_memory,
		.aperture_bytes = said->aperture_memory,
		.aperture_commit_limit_bytes = said->aperture_memory,
		.hw_queue_packet_cap = (uint32_t)said->hw_queue_packet_cap,
		.presentation_caps = PENSTOCK_PRESENTATION_CAPS,
		.graphics_preemption = preemption_of(said, PENSTOCK_PREEMPTION_PRIMITIVE),
		.compute_preemption = preemption_of(said, PENSTOCK_PREEMPTION_DISPATCH),
		.test_instructions = said->test_instructions,
		.pipelines = has_pipelines(server, said),
		.facts = has_pipelines(server, said) ? server->facts : NULL,
	};
}

static enum penstock_status start_net(struct penstock_server *server,
				      struct penstock_errbuf *reterr_text)
{
	struct penstock_net_config config = {
		.loop = &server->loop,
		.machine = server->machine,
		.adapter_count = server->config->more_adapters + 1,
		.server = PACKAGE_STRING,
		.hello_ms = PENSTOCK_LIMIT_HELLO_MS,
		.ack_delay_ms = PENSTOCK_NET_ACK_DELAY_MS,
		.closing_ms = PENSTOCK_LIMIT_CLOSING_MS,
		.max_connections = (uint32_t)server->config->connections,
		.metrics = metrics_text,
		.owner = server,
	};
	enum penstock_status status;

	for (uint32_t i = 0; i < config.adapter_count; i++) {
		describe_adapter(server, &server->config->adapters[i], &config.adapters[i]);
	}
	status = penstock_net_start(&config, &server->net);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "out of memory");
	}
	return status;
}

/* Sockets that the service manager has opened, or else our own. */
static enum penstock_status start_listeners(struct penstock_server *server,
					    struct penstock_errbuf *reterr_text)
{
	const struct penstock_config *said = server->config;
	const unsigned passed = penstock_notify_descriptors();
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint16_t port;

	for (unsigned i = 0; i < passed && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_listen_descriptor(server->net, PENSTOCK_LISTEN_FDS_START + (int)i,
						    reterr_text);
	}
	if (passed > 0) {
		return status;
	}
	status = penstock_listen_unix(server->net, said->socket, (unsigned)said->socket_mode,
				      reterr_text);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_log(server->log, PENSTOCK_LOG_INFO, "net", "listening socket='%s'",
			     said->socket);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && said->listen[0] != '\0') {
		status = penstock_listen_tcp(server->net, said->listen, &port, reterr_text);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			penstock_log(server->log, PENSTOCK_LOG_INFO, "net",
				     "listening address='%s' port=%u", said->listen, port);
		}
	}
	return status;
}

/* The socket's folder is the runtime directory, where nobody else made it. */
static enum penstock_status make_socket_folder(struct penstock_server *server,
					       struct penstock_errbuf *reterr_text)
{
	char path[PATH_BYTES];
	char *slash;

	snprintf(path, sizeof(path), "%s", server->config->socket);
	slash = strrchr(path, '/');
	if (slash == path || slash == NULL || access(path, F_OK) == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	*slash = '\0';
	return access(path, F_OK) == 0 ? PENSTOCK_STATUS_SUCCESS
				       : penstock_directory_make_public(path, reterr_text);
}

static enum penstock_status start_parts(struct penstock_server *server,
					struct penstock_errbuf *reterr_text)
{
	static enum penstock_status (*const steps[])(struct penstock_server *,
						     struct penstock_errbuf *) = {
		start_places,  start_description,  start_store,
		start_shaders, finish_description, start_machine,
		start_net,     make_socket_folder, start_listeners,
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(steps); i++) {
		enum penstock_status status = steps[i](server, reterr_text);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static void free_server(struct penstock_server *server)
{
	(void)uv_run(&server->loop, UV_RUN_DEFAULT);
	PENSTOCK_REQUIRE(uv_loop_close(&server->loop) == 0);
	penstock_description_cancel(&server->description);
	free(server->facts);
	free(server);
}

enum penstock_status penstock_server_start(struct penstock_config *config, const char *config_file,
					   int argument_count, char **arguments,
					   struct penstock_log *log,
					   struct penstock_server **ret_server,
					   struct penstock_errbuf *reterr_text)
{
	struct penstock_server *server = calloc(1, sizeof(*server));
	enum penstock_status status;

	if (server == NULL || uv_loop_init(&server->loop) != 0) {
		free(server);
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	server->config = config;
	server->config_file = config_file;
	server->argument_count = argument_count;
	server->arguments = arguments;
	server->log = log;
	server->memory_lock = -1;
	server->exit_status = EXIT_SUCCESS;
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
	start_handles(server);
	status = start_parts(server, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		stop(server);
		free_server(server);
		return status;
	}
	server->state = SERVER_RUNNING;
	for (uint32_t i = 0; i <= config->more_adapters; i++) {
		const struct penstock_config_adapter *adapter = &config->adapters[i];

		penstock_log(log, PENSTOCK_LOG_INFO, "server",
			     "adapter=%" PRIu32 " backend=%s local=%" PRIu64 " aperture=%" PRIu64,
			     i, penstock_backend_kind_name(adapter->backend), adapter->local_memory,
			     adapter->aperture_memory);
	}
	penstock_log(log, PENSTOCK_LOG_NOTICE, "server", "ready version=%s adapters=%" PRIu32,
		     PACKAGE_VERSION, config->more_adapters + 1);
	penstock_notify("READY=1");
	*ret_server = server;
	return PENSTOCK_STATUS_SUCCESS;
}

int penstock_server_run(struct penstock_server *server)
{
	int exit_status;

	(void)uv_run(&server->loop, UV_RUN_DEFAULT);
	exit_status = server->exit_status;
	penstock_log(server->log, PENSTOCK_LOG_NOTICE, "server", "stopped");
	free_server(server);
	return exit_status;
}
