/* SPDX-License-Identifier: MIT */
/*
 * penstockd: reads what the operator says and hands it to the server. Exit status: 0 when it was
 * told to stop, 1 when it could not start or go on, 2 when what it was told makes no sense.
 */
#include "daemon/server.h"

#include <config.h>

#include <stdlib.h>

#define EXIT_USAGE 2

static int fail(int exit_status, const struct penstock_errbuf *text)
{
	fprintf(stderr, "penstockd: %s\n", text->text);
	return exit_status;
}

static int serve(struct penstock_config *config, const char *config_file, int argument_count,
		 char **arguments)
{
	struct penstock_server *server;
	struct penstock_errbuf text;
	struct penstock_log log;

	penstock_log_init(&log, (int)config->log_level);
	if (penstock_server_start(config, config_file, argument_count, arguments, &log, &server,
				  &text) != PENSTOCK_STATUS_SUCCESS) {
		penstock_log(&log, PENSTOCK_LOG_ERROR, "server", "cannot start: %s", text.text);
		return EXIT_FAILURE;
	}
	return penstock_server_run(server);
}

static int run(const struct penstock_options *options, struct penstock_config *config,
	       int argument_count, char **arguments)
{
	struct penstock_errbuf text;

	if (options->help) {
		penstock_config_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (options->version) {
		printf("penstockd %s\n", PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	if (options->config_file != NULL &&
	    penstock_config_file(config, options->config_file, &text) != PENSTOCK_STATUS_SUCCESS) {
		return fail(EXIT_USAGE, &text);
	}
	if (penstock_config_complete(config, &text) != PENSTOCK_STATUS_SUCCESS) {
		return fail(EXIT_USAGE, &text);
	}
	if (options->check_config) {
		printf("penstockd: the configuration is good\n");
		penstock_config_describe(config, stdout);
		return EXIT_SUCCESS;
	}
	return serve(config, options->config_file, argument_count, arguments);
}

int main(int argument_count, char **arguments)
{
	struct penstock_config config = { .given = 0 };
	struct penstock_options options = { .config_file = NULL };
	struct penstock_errbuf text;
	int exit_status;

	if (penstock_config_options(argument_count, arguments, &config, &options, &text) ==
	    PENSTOCK_STATUS_SUCCESS) {
		exit_status = run(&options, &config, argument_count, arguments);
	} else {
		exit_status = fail(EXIT_USAGE, &text);
	}
	penstock_options_fini(&options);
	penstock_config_fini(&config);
	return exit_status;
}
