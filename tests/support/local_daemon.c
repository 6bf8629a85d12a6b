/* SPDX-License-Identifier: MIT */
#include "tests/support/local_daemon.h"

#include "daemon/net/connection.h"
#include "daemon/net/listener.h"
#include "daemon/objects/objects.h"
#include "tests/harness.h"
#include "tests/support/local_gpu.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/* A worker's job that is done and not told yet. */
struct job {
	struct penstock_list link;
	void (*done)(void *argument);
	void *argument;
};

struct penstock_local_daemon {
	struct penstock_local_daemon_config config;
	uv_loop_t loop;
	uv_idle_t telling;         /* active while there are jobs */
	struct penstock_list jobs; /* job.link */
	struct penstock_machine *machine;
	struct penstock_net *net;
	char *directory;
	uint64_t random;
	char complaint[256];
	bool stopped;
};

static void tell_job(uv_idle_t *handle)
{
	struct penstock_local_daemon *daemon = handle->data;
	struct penstock_list *link = penstock_list_pop(&daemon->jobs);
	struct job *job;

	if (link == NULL) {
		(void)uv_idle_stop(handle);
		return;
	}
	job = penstock_list_entry(link, struct job, link);
	job->done(job->argument);
	free(job);
}

static enum penstock_status run_job(void *owner, void (*work)(void *argument),
				    void (*done)(void *argument), void *argument)
{
	struct penstock_local_daemon *daemon = owner;
	struct job *job = calloc(1, sizeof(*job));

	PENSTOCK_REQUIRE(job != NULL);
	work(argument);
	job->done = done;
	job->argument = argument;
	penstock_list_append(&daemon->jobs, &job->link);
	(void)uv_idle_start(&daemon->telling, tell_job);
	return PENSTOCK_STATUS_SUCCESS;
}

/* The same ones each time. */
static void random_bytes(void *owner, uint8_t ret_bytes[16])
{
	struct penstock_local_daemon *daemon = owner;

	memset(ret_bytes, 0x5a, 16);
	daemon->random++;
	memcpy(ret_bytes, &daemon->random, sizeof(daemon->random));
}

static void log_line(void *owner, int level, const char *group, const char *text)
{
	struct penstock_local_daemon *daemon = owner;

	if (level <= LOG_WARNING && daemon->complaint[0] == '\0') {
		snprintf(daemon->complaint, sizeof(daemon->complaint), "%s: %s", group, text);
	}
}

static char *metrics(void *owner)
{
	(void)owner;
	return strdup("");
}

static enum penstock_status start_backend(void *owner, uint32_t adapter_index,
					  const struct penstock_backend_callbacks *callbacks,
					  struct penstock_backend **ret_backend,
					  struct penstock_errbuf *reterr_text)
{
	static enum penstock_status (*const starts[])(const struct penstock_backend_config *,
						      struct penstock_backend **,
						      struct penstock_errbuf *) = {
		[PENSTOCK_LOCAL_BACKEND_GPU] = penstock_local_gpu_start,
		[PENSTOCK_LOCAL_BACKEND_EMULATED] = penstock_emulated_start,
		[PENSTOCK_LOCAL_BACKEND_NULL] = penstock_null_start,
	};
	struct penstock_local_daemon *daemon = owner;
	const char *build = getenv("PENSTOCK_BUILDDIR");
	char program[4096];
	const struct penstock_backend_config config = {
		.loop = &daemon->loop,
		.gpu_program = program,
		.memory_lock = -1,
		.local_bytes = PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES,
		.aperture_bytes = PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES,
		.callbacks = *callbacks,
	};
	const struct penstock_faulty_config faulty = {
		.script = daemon->config.faults,
		.script_count = daemon->config.fault_count,
	};

	(void)adapter_index;
	snprintf(program, sizeof(program), "%s/penstock-gpu", build == NULL ? "." : build);
	if (daemon->config.backend == PENSTOCK_LOCAL_BACKEND_FAULTY) {
		return penstock_faulty_start(&config, &faulty, ret_backend);
	}
	return starts[daemon->config.backend](&config, ret_backend, reterr_text);
}

static void start_machine(struct penstock_local_daemon *daemon)
{
	const struct penstock_adapter_config adapter = {
		.memory_dir = daemon->directory,
		.local_bytes = PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES,
		.aperture_bytes = PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES,
		.hw_queue_packet_cap = 2,
		.paranoid = true,
		.split_points = daemon->config.split_points,
		.translate = daemon->config.translate,
	};
	const struct penstock_machine_config config = {
		.memory_dir = daemon->directory,
		.adapters = &adapter,
		.adapter_count = 1,
		.principal_quota_bytes = 2 * PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES,
		.max_sessions_per_principal = 16,
		.worker = { .owner = daemon, .run = run_job },
		.loop = &daemon->loop,
		.random = random_bytes,
		.start_backend = start_backend,
		.owner = daemon,
		.log = log_line,
	};
	struct penstock_errbuf text;

	PENSTOCK_REQUIRE(penstock_machine_start(&config, &daemon->machine, &text) ==
			 PENSTOCK_STATUS_SUCCESS);
}

static void start_net(struct penstock_local_daemon *daemon)
{
	const struct penstock_net_config config = {
		.loop = &daemon->loop,
		.machine = daemon->machine,
		.adapters = { { .description = "local",
				.backend = "local",
				.local_bytes = PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES,
				.aperture_bytes = PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES } },
		.adapter_count = 1,
		.server = "local",
		.hello_ms = PENSTOCK_LIMIT_HELLO_MS,
		.closing_ms = PENSTOCK_LIMIT_CLOSING_MS,
		.max_connections = 4,
		.metrics = metrics,
	};

	PENSTOCK_REQUIRE(penstock_net_start(&config, &daemon->net) == PENSTOCK_STATUS_SUCCESS);
}

struct penstock_local_daemon *
penstock_local_daemon_start(const struct penstock_local_daemon_config *config)
{
	struct penstock_local_daemon *daemon = calloc(1, sizeof(*daemon));

	PENSTOCK_REQUIRE(daemon != NULL && uv_loop_init(&daemon->loop) == 0);
	(void)signal(SIGPIPE, SIG_IGN);
	daemon->config = *config;
	penstock_list_init(&daemon->jobs);
	(void)uv_idle_init(&daemon->loop, &daemon->telling);
	daemon->telling.data = daemon;
	daemon->directory = penstock_test_directory();
	start_machine(daemon);
	start_net(daemon);
	return daemon;
}

static int connect_to(const struct sockaddr *address, socklen_t size)
{
	int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	PENSTOCK_REQUIRE(descriptor >= 0 && connect(descriptor, address, size) == 0);
	PENSTOCK_REQUIRE(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0);
	return descriptor;
}

static int connect_unix(struct penstock_local_daemon *daemon)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct penstock_errbuf text;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/socket", daemon->directory);
	PENSTOCK_REQUIRE(!penstock_list_empty(&daemon->net->listeners) ||
			 penstock_listen_unix(daemon->net, address.sun_path, 0600, &text) ==
				 PENSTOCK_STATUS_SUCCESS);
	return connect_to((const struct sockaddr *)&address, sizeof(address));
}

static int connect_tcp(struct penstock_local_daemon *daemon)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct penstock_errbuf text;
	uint16_t port;

	PENSTOCK_REQUIRE(penstock_listen_tcp(daemon->net, "127.0.0.1:0", &port, &text) ==
			 PENSTOCK_STATUS_SUCCESS);
	address.sin_port = htons(port);
	return connect_to((const struct sockaddr *)&address, sizeof(address));
}

int penstock_local_daemon_connect(struct penstock_local_daemon *daemon, enum penstock_local_way way)
{
	int pair[2];

	if (way != PENSTOCK_LOCAL_WAY_PAIR) {
		return way == PENSTOCK_LOCAL_WAY_UNIX ? connect_unix(daemon) : connect_tcp(daemon);
	}

	PENSTOCK_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) ==
			 0);
	PENSTOCK_REQUIRE(penstock_connection_new(daemon->net, pair[1], true) ==
			 PENSTOCK_STATUS_SUCCESS);
	return pair[0];
}

void penstock_local_daemon_turn(struct penstock_local_daemon *daemon)
{
	(void)uv_run(&daemon->loop, UV_RUN_NOWAIT);
}

bool penstock_local_daemon_idle(const struct penstock_local_daemon *daemon)
{
	return penstock_machine_idle(daemon->machine) && penstock_net_idle(daemon->net) &&
	       penstock_list_empty(&daemon->jobs);
}

const char *penstock_local_daemon_complaint(const struct penstock_local_daemon *daemon)
{
	return daemon->complaint;
}

static void machine_stopped(void *argument)
{
	struct penstock_local_daemon *daemon = argument;

	daemon->stopped = true;
}

static void net_stopped(void *argument)
{
	struct penstock_local_daemon *daemon = argument;

	penstock_machine_stop(daemon->machine, machine_stopped, daemon);
}

void penstock_local_daemon_stop(struct penstock_local_daemon *daemon)
{
	penstock_net_stop(daemon->net, net_stopped, daemon);
	while (!daemon->stopped || !penstock_list_empty(&daemon->jobs)) {
		(void)uv_run(&daemon->loop, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&daemon->telling, NULL);
	(void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
	PENSTOCK_REQUIRE(uv_loop_close(&daemon->loop) == 0);
	penstock_test_directory_remove(daemon->directory);
	free(daemon);
}
