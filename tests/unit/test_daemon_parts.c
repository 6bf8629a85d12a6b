/* SPDX-License-Identifier: MIT */
/* Log, metrics, the service manager's protocol, folders and their lock, listeners. */
#include "daemon/directories.h"
#include "daemon/log.h"
#include "daemon/metrics.h"
#include "daemon/net/listener.h"
#include "daemon/notify.h"
#include "proto/isa/instruction.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/harness.h"
#include "tests/unit/net_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---------------------------------------------------------------- log */

static char *logged(const struct penstock_log *log, int level, const char *data)
{
	static char line[8192];
	struct penstock_log copy = *log;
	ssize_t length;
	int pair[2];

	ck_assert_int_eq(pipe2(pair, O_NONBLOCK), 0);
	copy.descriptor = pair[1];
	penstock_log(&copy, level, "net", "data='%s'", data);
	length = read(pair[0], line, sizeof(line) - 1);
	line[length > 0 ? length : 0] = '\0';
	close(pair[0]);
	close(pair[1]);
	return line;
}

START_TEST(a_log_line_stays_a_line)
{
	struct penstock_log log = { .level = PENSTOCK_LOG_INFO, .journal = true };

	ck_assert_str_eq(logged(&log, PENSTOCK_LOG_WARNING, "a\nb\033[1m"),
			 "<4>net: data='a\\x0ab\\x1b[1m'\n");
	log.journal = false;
	ck_assert_ptr_nonnull(
		strstr(logged(&log, PENSTOCK_LOG_INFO, "x"), "Z info net: data='x'\n"));
}
END_TEST

START_TEST(a_long_message_is_cut)
{
	struct penstock_log log = { .level = PENSTOCK_LOG_INFO, .journal = true };
	char data[3000];

	memset(data, '\n', sizeof(data) - 1);
	data[sizeof(data) - 1] = '\0';
	ck_assert_uint_le(strlen(logged(&log, PENSTOCK_LOG_INFO, data)), 4200);
}
END_TEST

START_TEST(what_is_less_important_than_the_level_is_not_written)
{
	struct penstock_log log = { .level = PENSTOCK_LOG_NOTICE, .journal = true };

	ck_assert_str_eq(logged(&log, PENSTOCK_LOG_INFO, "x"), "");
	ck_assert_str_ne(logged(&log, PENSTOCK_LOG_NOTICE, "x"), "");
}
END_TEST

/* ---------------------------------------------------------------- metrics */

START_TEST(metrics_are_prometheus_text)
{
	struct penstock_metrics metrics;
	char *text;

	penstock_metrics_init(&metrics);
	penstock_metrics_head(&metrics, "penstock_a", PENSTOCK_METRIC_COUNTER, "what it is");
	penstock_metrics_sample(&metrics, "penstock_a", NULL, NULL, UINT64_MAX);
	penstock_metrics_sample(&metrics, "penstock_a", "principal", "a\"b\\c\nd", 7);
	text = penstock_metrics_take(&metrics);
	ck_assert_str_eq(text, "# HELP penstock_a what it is\n"
			       "# TYPE penstock_a counter\n"
			       "penstock_a 18446744073709551615\n"
			       "penstock_a{principal=\"a\\\"b\\\\c\\nd\"} 7\n");
	free(text);
}
END_TEST

/* ---------------------------------------------------------------- the service manager */

START_TEST(readiness_is_told_to_the_service_manager)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *directory = penstock_test_directory();
	char bytes[64] = "";
	int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
	ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)setenv("NOTIFY_SOCKET", address.sun_path, 1);
	penstock_notify("READY=1");
	ck_assert_int_eq(recv(descriptor, bytes, sizeof(bytes) - 1, 0), 7);
	ck_assert_str_eq(bytes, "READY=1");
	close(descriptor);
	(void)setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	penstock_notify("READY=1"); /* nobody there: nothing happens */
	penstock_test_directory_remove(directory);
}
END_TEST

START_TEST(the_watchdog_is_fed_twice_in_its_period)
{
	char pid[16];

	(void)unsetenv("WATCHDOG_PID");
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	ck_assert_uint_eq(penstock_notify_watchdog_ms(), 15000);
	(void)setenv("WATCHDOG_USEC", "soon", 1);
	ck_assert_uint_eq(penstock_notify_watchdog_ms(), 0);
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid() + 1);
	(void)setenv("WATCHDOG_PID", pid, 1);
	ck_assert_uint_eq(penstock_notify_watchdog_ms(), 0);
}
END_TEST

START_TEST(descriptors_of_another_process_are_not_taken)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	ck_assert_uint_eq(penstock_notify_descriptors(), 2);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	ck_assert_uint_eq(penstock_notify_descriptors(), 0);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "4000000000", 1);
	ck_assert_uint_eq(penstock_notify_descriptors(), 0);
}
END_TEST

/* ---------------------------------------------------------------- folders */

START_TEST(a_folder_is_made_with_its_parents_for_the_owner_only)
{
	char *directory = penstock_test_directory();
	struct penstock_errbuf text;
	struct stat there;
	char path[512];

	snprintf(path, sizeof(path), "%s/a/b", directory);
	ck_assert_int_eq(penstock_directory_make(path, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_directory_make(path, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(stat(path, &there), 0);
	ck_assert_uint_eq(there.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/file", directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_ne(penstock_directory_make(path, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_ptr_nonnull(strstr(text.text, "/file"));
	penstock_test_directory_remove(directory);
}
END_TEST

START_TEST(a_memory_folder_has_one_daemon)
{
	char *directory = penstock_test_directory();
	struct penstock_errbuf text;
	int first, second;

	ck_assert_int_eq(penstock_directory_lock(directory, 0, &first, &text),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_directory_lock(directory, 0, &second, &text),
			 PENSTOCK_STATUS_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(text.text, "is locked"));
	/* a GPU process that inherited the descriptor keeps the lock after its daemon's end */
	second = dup(first);
	close(first);
	ck_assert_int_eq(penstock_directory_lock(directory, 0, &first, &text),
			 PENSTOCK_STATUS_TIMEOUT);
	close(second);
	ck_assert_int_eq(penstock_directory_lock(directory, 0, &first, &text),
			 PENSTOCK_STATUS_SUCCESS);
	close(first);
	penstock_test_directory_remove(directory);
}
END_TEST

/* ---------------------------------------------------------------- listeners */

static struct net_peer *peer_on(int descriptor)
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;
	struct net_peer *peer = calloc(1, sizeof(*peer));

	ck_assert_ptr_nonnull(peer);
	peer->descriptor = descriptor;
	peer->serial = 1;
	hello.major = PENSTOCK_PROTOCOL_MAJOR;
	hello.isa_version = PENSTOCK_ISA_VERSION;
	net_peer_frame(peer, PENSTOCK_FRAME_HELLO, 0, &hello.base, NULL, 0);
	return peer;
}

static void expect_principal(struct net_peer *peer, const char *principal)
{
	struct net_frame frame = net_peer_receive(peer);
	Penstock__Wire__Welcome *welcome =
		penstock__wire__welcome__unpack(NULL, frame.header.message_bytes, frame.message);

	ck_assert_ptr_nonnull(welcome);
	ck_assert_str_eq(welcome->principal, principal);
	penstock__wire__welcome__free_unpacked(welcome, NULL);
	net_frame_free(&frame);
}

START_TEST(a_principal_on_the_unix_socket_is_its_user)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *directory = penstock_test_directory();
	struct penstock_errbuf text;
	struct net_peer *peer;
	char principal[32];
	int descriptor;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	ck_assert_int_eq(penstock_listen_unix(net_under_test, address.sun_path, 0600, &text),
			 PENSTOCK_STATUS_SUCCESS);
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	peer = peer_on(descriptor);
	snprintf(principal, sizeof(principal), "uid:%u", (unsigned)geteuid());
	expect_principal(peer, principal);
	net_peer_close(peer);
	/* somebody listens there */
	ck_assert_int_ne(penstock_listen_unix(net_under_test, address.sun_path, 0600, &text),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_ptr_nonnull(strstr(text.text, "/socket"));
	penstock_net_drain(net_under_test);
	net_turns();
	ck_assert_int_ne(access(address.sun_path, F_OK), 0);
	penstock_test_directory_remove(directory);
}
END_TEST

START_TEST(a_socket_that_a_dead_daemon_left_is_replaced)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *directory = penstock_test_directory();
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	struct penstock_errbuf text;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	close(descriptor);
	ck_assert_int_eq(penstock_listen_unix(net_under_test, address.sun_path, 0600, &text),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_net_drain(net_under_test);
	net_turns();
	penstock_test_directory_remove(directory);
}
END_TEST

START_TEST(everybody_on_tcp_is_one_principal_and_no_administrator)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	struct penstock_errbuf text;
	struct net_peer *peer;
	uint16_t port;

	ck_assert_int_eq(penstock_listen_tcp(net_under_test, "127.0.0.1:0", &port, &text),
			 PENSTOCK_STATUS_SUCCESS);
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	peer = peer_on(descriptor);
	expect_principal(peer, "loopback");
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_METRICS, NULL);
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_ACCESS_DENIED);
	net_peer_close(peer);
}
END_TEST

START_TEST(addresses_that_are_not_loopback_are_refused)
{
	static const char *const bad[] = {
		"0.0.0.0:1",   "192.0.2.1:80", "[::]:1",          "127.0.0.1",
		"127.0.0.1:x", "127.0.0.1:",   "127.0.0.1:65536", ":80",
		"::1:80",      "[::1:80",      "example.org:80",  ""
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(bad); i++) {
		ck_assert_msg(penstock_listen_check(bad[i], NULL) ==
				      PENSTOCK_STATUS_INVALID_PARAMETER,
			      "'%s' was taken", bad[i]);
	}
	ck_assert_int_eq(penstock_listen_check("localhost:80", NULL), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_listen_check("127.9.9.9:0", NULL), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_listen_check("[::1]:80", NULL), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(a_passed_descriptor_must_be_a_listening_socket)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	struct penstock_errbuf text;

	ck_assert_int_eq(penstock_listen_descriptor(net_under_test, STDIN_FILENO, &text),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_listen_descriptor(net_under_test, descriptor, &text),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(descriptor, 1), 0);
	ck_assert_int_eq(penstock_listen_descriptor(net_under_test, descriptor, &text),
			 PENSTOCK_STATUS_SUCCESS);
	descriptor = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(listen(descriptor, 1), 0); /* on every address */
	ck_assert_int_eq(penstock_listen_descriptor(net_under_test, descriptor, &text),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	close(descriptor);
}
END_TEST

static TCase *listeners(void)
{
	TCase *tcase = tcase_create("listeners");

	tcase_add_checked_fixture(tcase, net_setup, net_teardown);
	tcase_add_test(tcase, a_principal_on_the_unix_socket_is_its_user);
	tcase_add_test(tcase, a_socket_that_a_dead_daemon_left_is_replaced);
	tcase_add_test(tcase, everybody_on_tcp_is_one_principal_and_no_administrator);
	tcase_add_test(tcase, addresses_that_are_not_loopback_are_refused);
	tcase_add_test(tcase, a_passed_descriptor_must_be_a_listening_socket);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("daemon_parts");
	TCase *tcase = tcase_create("daemon_parts");

	tcase_add_test(tcase, a_log_line_stays_a_line);
	tcase_add_test(tcase, a_long_message_is_cut);
	tcase_add_test(tcase, what_is_less_important_than_the_level_is_not_written);
	tcase_add_test(tcase, metrics_are_prometheus_text);
	tcase_add_test(tcase, readiness_is_told_to_the_service_manager);
	tcase_add_test(tcase, the_watchdog_is_fed_twice_in_its_period);
	tcase_add_test(tcase, descriptors_of_another_process_are_not_taken);
	tcase_add_test(tcase, a_folder_is_made_with_its_parents_for_the_owner_only);
	tcase_add_test(tcase, a_memory_folder_has_one_daemon);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, listeners());
	return penstock_test_main(suite);
}
