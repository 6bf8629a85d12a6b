/* SPDX-License-Identifier: MIT */
#include "daemon/net/net.h"

#include "daemon/net/connection.h"
#include "daemon/net/listener.h"

#include <stdlib.h>

/*
 * Work of this turn: everything that events of the turn have caused leaves together, before the
 * loop sleeps. A connection that becomes dirty later than that keeps the loop awake for one more
 * turn (`awake`).
 */
static void work_off(struct penstock_net *net)
{
	struct penstock_list batch;
	struct penstock_list *link;

	penstock_list_init(&batch);
	while ((link = penstock_list_pop(&net->dirty)) != NULL) {
		penstock_list_append(&batch, link);
	}
	while ((link = penstock_list_pop(&batch)) != NULL) {
		penstock_connection_work(
			penstock_list_entry(link, struct penstock_connection, dirty_link));
	}
	if (penstock_list_empty(&net->dirty)) {
		uv_idle_stop(&net->awake);
	}
}

static void before_poll_cb(uv_prepare_t *prepare)
{
	work_off(prepare->data);
}

static void awake_cb(uv_idle_t *idle)
{
	(void)idle; /* its being active is the point */
}

void penstock_net_awake(struct penstock_net *net)
{
	(void)uv_idle_start(&net->awake, awake_cb);
}

enum penstock_status penstock_net_start(const struct penstock_net_config *config,
					struct penstock_net **ret_net)
{
	struct penstock_net *net = calloc(1, sizeof(*net));

	if (net == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	net->read_buffer = malloc(sizeof(*net->read_buffer));
	if (net->read_buffer == NULL) {
		free(net);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	net->config = *config;
	net->start_ms = uv_now(config->loop);
	penstock_list_init(&net->dirty);
	penstock_list_init(&net->connections);
	penstock_list_init(&net->listeners);
	(void)uv_prepare_init(config->loop, &net->before_poll);
	(void)uv_idle_init(config->loop, &net->awake);
	net->before_poll.data = net;
	net->awake.data = net;
	(void)uv_prepare_start(&net->before_poll, before_poll_cb);
	*ret_net = net;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_net_drain(struct penstock_net *net)
{
	net->draining = true;
	penstock_list_for_each_safe (link, &net->listeners) {
		penstock_listener_close(penstock_list_entry(link, struct penstock_listener, link));
	}
}

bool penstock_net_idle(const struct penstock_net *net)
{
	if (!penstock_list_empty(&net->dirty)) {
		return false;
	}
	penstock_list_for_each (link, &net->connections) {
		const struct penstock_connection *connection =
			penstock_list_entry(link, struct penstock_connection, link);

		if (!penstock_outbox_empty(&connection->outbox)) {
			return false;
		}
	}
	return true;
}

static void handle_closed(uv_handle_t *handle)
{
	struct penstock_net *net = handle->data;
	void (*stopped)(void *argument) = net->stopped;
	void *argument = net->stopped_argument;

	net->closing_handles--;
	if (net->closing_handles == 0) {
		free(net->read_buffer);
		free(net);
		stopped(argument);
	}
}

void penstock_net_maybe_stopped(struct penstock_net *net)
{
	if (!net->stopping || net->closing_handles > 0 || !penstock_list_empty(&net->connections) ||
	    !penstock_list_empty(&net->listeners)) {
		return;
	}
	net->closing_handles = 2;
	uv_close((uv_handle_t *)&net->before_poll, handle_closed);
	uv_close((uv_handle_t *)&net->awake, handle_closed);
}

void penstock_net_stop(struct penstock_net *net, void (*stopped)(void *argument), void *argument)
{
	PENSTOCK_REQUIRE(!net->stopping);
	net->stopped = stopped;
	net->stopped_argument = argument;
	penstock_net_drain(net);
	penstock_list_for_each_safe (link, &net->connections) {
		penstock_connection_stop(
			penstock_list_entry(link, struct penstock_connection, link),
			PENSTOCK_STATUS_CONNECTION_DISCONNECTED, "the daemon stops");
	}
	net->stopping = true;
	penstock_net_maybe_stopped(net);
}
