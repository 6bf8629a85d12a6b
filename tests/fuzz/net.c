/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/net.h"

#include <signal.h>
#include <string.h>

static char *metrics(void *owner)
{
	(void)owner;
	return strdup("penstock_up 1\n");
}

static void on_stopped(void *argument)
{
	*(bool *)argument = true;
}

struct penstock_net *penstock_fuzz_net_start(uv_loop_t *loop)
{
	const struct penstock_net_config config = {
		.loop = loop,
		.adapters = { { .description = "fuzz", .backend = "fuzz" } },
		.adapter_count = 1,
		.server = "fuzz",
		.hello_ms = PENSTOCK_LIMIT_HELLO_MS,
		.closing_ms = PENSTOCK_LIMIT_CLOSING_MS,
		.max_connections = PENSTOCK_FUZZ_CONNECTIONS,
		.metrics = metrics,
	};
	struct penstock_net *net;

	(void)signal(SIGPIPE, SIG_IGN);
	PENSTOCK_REQUIRE(uv_loop_init(loop) == 0);
	PENSTOCK_REQUIRE(penstock_net_start(&config, &net) == PENSTOCK_STATUS_SUCCESS);
	return net;
}

void penstock_fuzz_net_stop(struct penstock_net *net, uv_loop_t *loop)
{
	bool stopped = false;

	penstock_net_stop(net, on_stopped, &stopped);
	fake_objects_cancel();
	while (!stopped) {
		(void)uv_run(loop, UV_RUN_ONCE);
	}
	(void)uv_run(loop, UV_RUN_DEFAULT);
	PENSTOCK_REQUIRE(uv_loop_close(loop) == 0);
	PENSTOCK_REQUIRE(fake.sessions_begun == fake.sessions_disconnected + fake.sessions_ended);
}
