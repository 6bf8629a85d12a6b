/* SPDX-License-Identifier: MIT */
/* What keeping a row costs without Penstock: sqlite and fallocate; and redis beside us. */
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROWS_A_TRANSACTION 100u
#define PAGE_BYTES         4096
#define REDIS_OPERATIONS   1000000u

static bool execute(sqlite3 *database, const char *statement)
{
	return sqlite3_exec(database, statement, NULL, NULL, NULL) == SQLITE_OK;
}

static bool insert_rows(sqlite3 *database, int file, unsigned rows)
{
	sqlite3_stmt *insert = NULL;
	bool good =
		sqlite3_prepare_v2(database, "INSERT INTO allocation VALUES (?1, ?2, ?3, ?4, ?5)",
				   -1, &insert, NULL) == SQLITE_OK;

	for (unsigned row = 0; good && row < rows; row++) {
		if (row % ROWS_A_TRANSACTION == 0) {
			good = execute(database, row == 0 ? "BEGIN" : "COMMIT; BEGIN");
		}
		sqlite3_bind_int64(insert, 1, row);
		sqlite3_bind_int64(insert, 2, 1);
		sqlite3_bind_int64(insert, 3, PAGE_BYTES);
		sqlite3_bind_int64(insert, 4, (sqlite3_int64)row * PAGE_BYTES);
		sqlite3_bind_text(insert, 5, "uid:1000", -1, SQLITE_STATIC);
		good = good && sqlite3_step(insert) == SQLITE_DONE &&
		       sqlite3_reset(insert) == SQLITE_OK &&
		       fallocate(file, 0, (off_t)row * PAGE_BYTES, PAGE_BYTES) == 0;
	}
	sqlite3_finalize(insert);
	return good && execute(database, "COMMIT");
}

double raw_sqlite_per_second(const char *directory, unsigned rows)
{
	char path[256];
	sqlite3 *database = NULL;
	uint64_t start, end;
	bool good;
	int file;

	snprintf(path, sizeof(path), "%s/raw-memory", directory);
	file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	snprintf(path, sizeof(path), "%s/raw.db", directory);
	unlink(path);
	good = file >= 0 && sqlite3_open(path, &database) == SQLITE_OK &&
	       execute(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				 "CREATE TABLE allocation (id INTEGER PRIMARY KEY, owner INTEGER,"
				 " size INTEGER, place INTEGER, principal TEXT)");
	start = penstock_measure_now_ns();
	good = good && insert_rows(database, file, rows);
	end = penstock_measure_now_ns();
	sqlite3_close(database);
	if (file >= 0) {
		close(file);
	}
	return good ? (double)rows * 1e9 / (double)(end - start) : 0;
}

/* ---------------------------------------------------------------- redis */

static pid_t start_redis(const char *socket_path, const char *directory)
{
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null < 0 || dup2(null, STDOUT_FILENO) < 0) {
			_exit(127);
		}
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path,
		       "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", directory,
		       (char *)NULL);
		_exit(127);
	}
	return child;
}

/* Whether it answers; redis-cli waits for a socket that is not there yet no longer than told. */
static bool redis_answers(const char *socket_path)
{
	char command[384];

	snprintf(command, sizeof(command),
		 "for i in 1 2 3 4 5 6 7 8 9 10; do redis-cli -s '%s' ping >/dev/null 2>&1 && "
		 "exit 0; sleep 0.2; done; exit 1",
		 socket_path);
	return system(command) == 0;
}

static double run_redis_benchmark(const char *socket_path)
{
	char command[384], line[256];
	double per_second = 0;
	FILE *output;

	snprintf(command, sizeof(command),
		 "redis-benchmark -s '%s' -t set -d 256 -P 64 -c 4 -n %u --csv 2>/dev/null",
		 socket_path, REDIS_OPERATIONS);
	output = popen(command, "re");
	while (output != NULL && fgets(line, sizeof(line), output) != NULL) {
		const char *value = strstr(line, "\"SET\",\"");

		if (value != NULL) {
			per_second = strtod(value + strlen("\"SET\",\""), NULL);
		}
	}
	if (output != NULL) {
		pclose(output);
	}
	return per_second;
}

double raw_processor_seconds(pid_t process)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) {
		return 0;
	}
	return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

double raw_redis_per_second(const char *directory, double *ret_per_core_second)
{
	char socket_path[256];
	double per_second = 0, before;
	pid_t server;

	*ret_per_core_second = 0;
	if (system("command -v redis-server redis-benchmark redis-cli >/dev/null") != 0) {
		return 0;
	}
	snprintf(socket_path, sizeof(socket_path), "%s/redis.sock", directory);
	server = start_redis(socket_path, directory);
	if (server <= 0) {
		return 0;
	}
	if (redis_answers(socket_path)) {
		before = raw_processor_seconds(server);
		per_second = run_redis_benchmark(socket_path);
		*ret_per_core_second = REDIS_OPERATIONS / (raw_processor_seconds(server) - before);
	}
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	return per_second;
}
