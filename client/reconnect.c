/* SPDX-License-Identifier: MIT */
/*
 * A connection that is lost is made again, until the lease of its session is over. Nothing here
 * waits: whoever runs or dispatches the connection comes by when it is time.
 */
#include "client/address.h"
#include "client/connection.h"

#include <unistd.h>

#define FIRST_PAUSE_MS 10
#define MOST_PAUSE_MS  1000
#define ATTEMPT_MS     10000 /* from connect to Welcome */

/* A session that is there, over a connection that was not made by hand. */
bool penstock_reconnect_may(const struct penstock_connection *connection)
{
	return connection->reconnect.wanted && !connection->reconnect.by_hand &&
	       connection->welcome != NULL && connection->welcome->lease_s > 0 &&
	       connection->state != PENSTOCK_CONNECTION_LOST;
}

static void tell_lost(struct penstock_connection *connection, enum penstock_status status)
{
	if (connection->callbacks.lost != NULL) {
		connection->in_callback++;
		connection->callbacks.lost(connection->callbacks.owner, status,
					   connection->sentence.text);
		connection->in_callback--;
	}
}

/* The next attempt, after a pause that doubles. */
static void put_off(struct penstock_reconnect *reconnect)
{
	reconnect->retry_ms = penstock_now_ms() + reconnect->pause_ms;
	if (reconnect->retry_ms > reconnect->lease_end_ms) {
		reconnect->retry_ms = reconnect->lease_end_ms;
	}
	reconnect->pause_ms =
		reconnect->pause_ms < MOST_PAUSE_MS / 2 ? reconnect->pause_ms * 2 : MOST_PAUSE_MS;
}

/*
 * From a connection that worked. One that brought nothing since the last loss is no better than a
 * failed attempt: who makes the daemon fall over again and again does so ever more slowly.
 */
static void begin(struct penstock_connection *connection)
{
	struct penstock_reconnect *reconnect = &connection->reconnect;
	const int64_t now = penstock_now_ms();

	reconnect->lease_end_ms = now + (int64_t)connection->welcome->lease_s * 1000;
	reconnect->attempts = 0;
	if (connection->requests.answered > reconnect->answered || reconnect->pause_ms == 0) {
		reconnect->pause_ms = FIRST_PAUSE_MS;
		reconnect->retry_ms = now;
	} else {
		put_off(reconnect);
	}
	reconnect->answered = connection->requests.answered;
}

enum penstock_status penstock_reconnect_lost(struct penstock_connection *connection,
					     enum penstock_status status, const char *sentence)
{
	const bool worked = connection->state == PENSTOCK_CONNECTION_OPEN;

	penstock_connection_close_socket(connection);
	connection->state = PENSTOCK_CONNECTION_AWAY;
	penstock_text_copy(connection->sentence.text, sizeof(connection->sentence.text), sentence);
	if (worked) {
		begin(connection);
		tell_lost(connection, status);
	} else {
		put_off(&connection->reconnect);
	}
	return penstock_connection_usable(connection);
}

static void attempt(struct penstock_connection *connection)
{
	struct penstock_reconnect *reconnect = &connection->reconnect;
	struct penstock_errbuf sentence;
	int descriptor = -1;
	enum penstock_status status = penstock_address_begin(
		connection->server, reconnect->attempts++, &descriptor, &sentence);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		(void)penstock_reconnect_lost(connection, status, sentence.text);
		return;
	}
	penstock_connection_adopt_socket(connection, descriptor);
	reconnect->attempt_end_ms = penstock_now_ms() + ATTEMPT_MS;
	(void)penstock_session_greet(connection);
}

static bool is_made_again(const struct penstock_connection *connection)
{
	return connection->state == PENSTOCK_CONNECTION_AWAY ||
	       (connection->state == PENSTOCK_CONNECTION_HELLO &&
		penstock_reconnect_may(connection));
}

enum penstock_status penstock_reconnect_step(struct penstock_connection *connection)
{
	struct penstock_reconnect *reconnect = &connection->reconnect;
	int64_t now;

	if (PENSTOCK_LIKELY(!is_made_again(connection))) {
		return penstock_connection_usable(connection);
	}
	now = penstock_now_ms();
	if (now >= reconnect->lease_end_ms) {
		return penstock_connection_lose(
			connection, PENSTOCK_STATUS_NOT_FOUND, "the lease of %u s ran out: %s",
			connection->welcome->lease_s, connection->sentence.text);
	}
	if (connection->state == PENSTOCK_CONNECTION_HELLO && now >= reconnect->attempt_end_ms) {
		(void)penstock_reconnect_lost(connection, PENSTOCK_STATUS_TIMEOUT,
					      "the daemon did not answer the hello in time");
	}
	if (connection->state == PENSTOCK_CONNECTION_AWAY && now >= reconnect->retry_ms) {
		attempt(connection);
	}
	return penstock_connection_usable(connection);
}

int64_t penstock_reconnect_due(const struct penstock_connection *connection)
{
	const struct penstock_reconnect *reconnect = &connection->reconnect;
	int64_t due_ms;

	if (PENSTOCK_LIKELY(!is_made_again(connection))) {
		return PENSTOCK_FOREVER;
	}
	due_ms = connection->state == PENSTOCK_CONNECTION_AWAY ? reconnect->retry_ms
							       : reconnect->attempt_end_ms;
	return due_ms < reconnect->lease_end_ms ? due_ms : reconnect->lease_end_ms;
}
