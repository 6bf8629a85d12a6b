/* SPDX-License-Identifier: MIT */
/* The configuration: every fault is one line that names the place. */
#include "daemon/config.h"
#include "daemon/config_keys.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

static struct penstock_config config;
static struct penstock_errbuf text;

static void setup(void)
{
	memset(&config, 0, sizeof(config));
	text.text[0] = '\0';
	(void)setenv("RUNTIME_DIRECTORY", "/run/here", 1);
	(void)setenv("STATE_DIRECTORY", "/var/there", 1);
}

static void teardown(void)
{
	penstock_config_fini(&config);
}

static enum penstock_status read_text(const char *file)
{
	FILE *stream = fmemopen((void *)file, strlen(file), "r");
	enum penstock_status status;

	ck_assert_ptr_nonnull(stream);
	status = penstock_config_stream(&config, stream, "test.conf", &text);
	fclose(stream);
	return status;
}

static void expect_fault(const char *file, const char *message)
{
	ck_assert_int_eq(read_text(file), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, message);
}

static enum penstock_status read_options(const char *a, const char *b, const char *c)
{
	char *arguments[] = { (char *)"penstockd", (char *)a, (char *)b, (char *)c, NULL };
	int count = 1;
	struct penstock_options options;
	enum penstock_status status;

	while (arguments[count] != NULL) {
		count++;
	}
	status = penstock_config_options(count, arguments, &config, &options, &text);
	penstock_options_fini(&options);
	return status;
}

START_TEST(what_nobody_says_has_a_default)
{
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(config.socket, "/run/here/penstock.sock");
	ck_assert_str_eq(config.memory_dir, "/run/here/memory");
	ck_assert_str_eq(config.state_dir, "/var/there");
	ck_assert_str_eq(config.listen, "");
	ck_assert_uint_eq(config.socket_mode, 0666);
	ck_assert_uint_eq(config.adapters[0].local_memory, 1u << 30);
	ck_assert_uint_eq(config.adapters[0].backend, PENSTOCK_BACKEND_EMULATED);
	ck_assert(!config.adapters[0].paranoid);
}
END_TEST

START_TEST(a_file_says_every_kind_of_value)
{
	ck_assert_int_eq(read_text("; a comment\n"
				   "[daemon]\n"
				   "socket = /tmp/a socket ; and a comment\n"
				   "socket-mode = 0600\n"
				   "listen = [::1]:7070\n"
				   "log-level = debug\n"
				   "\n"
				   "[adapter]\n"
				   "backend = null\n"
				   "local-memory = 64M\n"
				   "paranoid = yes\n"),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(config.socket, "/tmp/a socket");
	ck_assert_uint_eq(config.socket_mode, 0600);
	ck_assert_str_eq(config.listen, "[::1]:7070");
	ck_assert_uint_eq(config.log_level, 7);
	ck_assert_uint_eq(config.adapters[0].backend, PENSTOCK_BACKEND_NULL);
	ck_assert_uint_eq(config.adapters[0].local_memory, 64u << 20);
	ck_assert(config.adapters[0].paranoid);
}
END_TEST

START_TEST(an_unknown_key_names_file_and_line)
{
	expect_fault("[daemon]\n\nsokcet = /x\n",
		     "test.conf:3: there is no key 'sokcet' in section [daemon]");
}
END_TEST

START_TEST(a_key_in_the_wrong_section_is_unknown)
{
	expect_fault("[limits]\nsocket = /x\n",
		     "test.conf:2: there is no key 'socket' in section [limits]");
}
END_TEST

START_TEST(a_bad_value_says_what_would_be_good)
{
	expect_fault("[adapter]\nlocal-memory = lots\n",
		     "test.conf:2: local-memory: 'lots' is no number of bytes (1048576, 1M, 1G)");
}
END_TEST

START_TEST(a_value_out_of_range_says_the_range)
{
	expect_fault("[limits]\nmax-lease = 61\n",
		     "test.conf:2: max-lease: 61 is not within 0 to 60");
}
END_TEST

START_TEST(a_number_that_wraps_is_no_number)
{
	expect_fault("[adapter]\nlocal-memory = 17179869185G\n",
		     "test.conf:2: local-memory: '17179869185G' is no number of bytes (1048576, "
		     "1M, 1G)");
}
END_TEST

START_TEST(a_choice_lists_its_words)
{
	expect_fault("[adapter]\nbackend = real\n",
		     "test.conf:2: backend: 'real' is none of: emulated, null or faulty");
}
END_TEST

START_TEST(a_switch_is_yes_or_no)
{
	expect_fault("[adapter]\nparanoid = maybe\n",
		     "test.conf:2: paranoid: 'maybe' is neither yes nor no");
}
END_TEST

START_TEST(an_address_that_is_not_loopback_is_refused)
{
	expect_fault(
		"[daemon]\nlisten = 0.0.0.0:7070\n",
		"test.conf:2: listen: '0.0.0.0:7070' is not a loopback address: plain TCP is for "
		"loopback only");
}
END_TEST

START_TEST(a_relative_path_is_refused)
{
	expect_fault("[daemon]\nsocket = p.sock\n",
		     "test.conf:2: socket: 'p.sock' is no absolute path");
}
END_TEST

START_TEST(a_key_that_is_there_twice_is_refused)
{
	expect_fault("[daemon]\nsocket = /a\nsocket = /b\n",
		     "test.conf:3: 'socket' is there twice");
}
END_TEST

START_TEST(a_line_that_is_no_key_is_refused)
{
	expect_fault("[daemon]\nsocket /a\n", "test.conf:2: is neither [section] nor key = value");
}
END_TEST

START_TEST(an_indented_line_is_refused)
{
	expect_fault("[daemon]\nsocket = /a\n  /b\n", "test.conf:3: the line is indented");
}
END_TEST

/* The parser's buffer has 200 bytes; it would read the rest as another line. */
START_TEST(a_long_line_is_refused)
{
	char file[512] = "[daemon]\nsocket = /";
	size_t length = strlen(file);

	memset(file + length, 'a', 300);
	expect_fault(file, "test.conf:2: the line is too long");
}
END_TEST

START_TEST(the_command_line_wins_over_the_file)
{
	ck_assert_int_eq(read_options("--socket=/from/options", "--paranoid", NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(read_text("[daemon]\nsocket = /from/file\n[adapter]\nparanoid = no\n"),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(config.socket, "/from/options");
	ck_assert(config.adapters[0].paranoid);
}
END_TEST

START_TEST(a_bad_value_is_a_fault_though_the_command_line_wins)
{
	ck_assert_int_eq(read_options("--max-lease", "5", NULL), PENSTOCK_STATUS_SUCCESS);
	expect_fault("[limits]\nmax-lease = never\n",
		     "test.conf:2: max-lease: 'never' is no number");
	ck_assert_uint_eq(config.max_lease_s, 5);
}
END_TEST

START_TEST(an_unknown_option_is_named)
{
	ck_assert_int_eq(read_options("--sokcet", "/x", NULL), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, "there is no option '--sokcet'");
	ck_assert_int_eq(read_options("socket", NULL, NULL), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, "'socket' is no option");
	ck_assert_int_eq(read_options("--socket", NULL, NULL), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, "--socket wants a value");
	ck_assert_int_eq(read_options("--paranoid=si", NULL, NULL),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, "--paranoid: 'si' is neither yes nor no");
}
END_TEST

START_TEST(faults_are_packets_and_kinds)
{
	static const char *const bad[] = { "3",       "3:",       "3:hangs",           "3:hang,",
					   ",3:hang", "3:hang:x", "3:hang:4294967296", "x:hang" };

	ck_assert_int_eq(read_text("[adapter]\nfaults = 3:hang,5:death:9\n"),
			 PENSTOCK_STATUS_SUCCESS);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(bad); i++) {
		char option[64];

		snprintf(option, sizeof(option), "--faults=%s", bad[i]);
		ck_assert_msg(read_options(option, NULL, NULL) == PENSTOCK_STATUS_INVALID_PARAMETER,
			      "'%s' was taken", bad[i]);
	}
}
END_TEST

START_TEST(a_segment_is_whole_granules)
{
	ck_assert_int_eq(read_options("--local-memory=1048577", NULL, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

static void count_fixed(void *owner, const char *key)
{
	ck_assert_str_eq(key, "local-memory");
	(*(unsigned *)owner)++;
}

static const struct penstock_config_adapter *adapter_of(uint32_t index)
{
	return &config.adapters[index];
}

START_TEST(a_further_adapter_has_what_the_first_has_where_it_says_nothing)
{
	ck_assert_int_eq(
		read_text("[adapter 2]\nbackend = null\n"
			  "[adapter]\nlocal-memory = 64M\nparanoid = yes\nfaults = 3:hang\n"
			  "[adapter 1]\n"
			  "[adapter 2]\nlocal-memory = 2M\nparanoid = no\nfaults = 5:late\n"),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(config.more_adapters, 2);
	ck_assert_uint_eq(adapter_of(1)->local_memory, 64u << 20);
	ck_assert_uint_eq(adapter_of(1)->aperture_memory, 1u << 30);
	ck_assert_uint_eq(adapter_of(1)->backend, PENSTOCK_BACKEND_EMULATED);
	ck_assert_str_eq(adapter_of(1)->faults, "3:hang");
	ck_assert(adapter_of(1)->paranoid);
	ck_assert_uint_eq(adapter_of(2)->local_memory, 2u << 20);
	ck_assert_uint_eq(adapter_of(2)->aperture_memory, 1u << 30);
	ck_assert_uint_eq(adapter_of(2)->backend, PENSTOCK_BACKEND_NULL);
	ck_assert_str_eq(adapter_of(2)->faults, "5:late");
	ck_assert(!adapter_of(2)->paranoid);
}
END_TEST

START_TEST(an_option_is_the_first_adapters_and_what_others_do_not_say)
{
	ck_assert_int_eq(read_options("--local-memory=4M", "--backend=null", NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(read_text("[adapter]\nlocal-memory = 64M\n"
				   "[adapter 1]\nlocal-memory = 8M\n[adapter 2]\n"),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(adapter_of(0)->local_memory, 4u << 20);
	ck_assert_uint_eq(adapter_of(1)->local_memory, 8u << 20);
	ck_assert_uint_eq(adapter_of(2)->local_memory, 4u << 20);
	ck_assert_uint_eq(adapter_of(2)->backend, PENSTOCK_BACKEND_NULL);
}
END_TEST

START_TEST(adapters_are_numbered_without_a_gap_and_are_not_too_many)
{
	static const struct {
		const char *file;
		const char *fault;
	} cases[] = {
		{ "[adapter 2]\nbackend = null\n", "test.conf:1: [adapter 2] without [adapter 1]" },
		{ "[adapter 1]\n\n[adapter 3]\n", "test.conf:3: [adapter 3] without [adapter 2]" },
		{ "[adapter 8]\nbackend = null\n",
		  "test.conf:1: there are at most 8 adapters: [adapter 7] is the last" },
		{ "[adapter 99999999999999999999]\n",
		  "test.conf:1: there are at most 8 adapters: [adapter 7] is the last" },
		{ "[adapter 0]\nbackend = null\n",
		  "test.conf:2: there is no key 'backend' in section [adapter 0]" },
		{ "[adapter 1x]\nbackend = null\n",
		  "test.conf:2: there is no key 'backend' in section [adapter 1x]" },
		{ "[adapter 1]\nsocket = /x\n",
		  "test.conf:2: there is no key 'socket' in section [adapter 1]" },
		{ "[adapter 1]\nbackend = real\n",
		  "test.conf:2: backend: 'real' is none of: emulated, null or faulty" },
		{ "[adapter 1]\nfaults = 3:hang\n[adapter 1]\nfaults = 4:hang\n",
		  "test.conf:4: 'faults' is there twice" },
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(read_text(cases[i].file), PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert_str_eq(text.text, cases[i].fault);
		penstock_config_fini(&config);
		config = (struct penstock_config){ .given = 0 };
	}
	ck_assert_int_eq(read_text("[adapter 1]\nlocal-memory = 1048577\n"),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(text.text, "adapter 1: local-memory and aperture-memory"));
}
END_TEST

static void keep_name(void *owner, const char *key)
{
	snprintf(owner, 64, "%s", key);
}

START_TEST(a_principal_has_what_everybody_has_where_it_says_nothing)
{
	ck_assert_int_eq(read_text("[principal uid:1000]\nweight = 300\n"
				   "[principal]\nmax-priority = 2\n"
				   "[principal loopback]\nmax-priority = 0\n"
				   "[principal uid:0]\n"
				   "[principal uid:1000]\nmax-priority = 7\n"),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(config.more_principals, 3);
	ck_assert_str_eq(config.principals[0].name, "");
	ck_assert_uint_eq(config.principals[0].weight, 100);
	ck_assert_uint_eq(config.principals[0].max_priority, 2);
	ck_assert_str_eq(config.principals[1].name, "uid:1000");
	ck_assert_uint_eq(config.principals[1].weight, 300);
	ck_assert_uint_eq(config.principals[1].max_priority, 7);
	ck_assert_str_eq(config.principals[2].name, "loopback");
	ck_assert_uint_eq(config.principals[2].weight, 100);
	ck_assert_uint_eq(config.principals[2].max_priority, 0);
	ck_assert_str_eq(config.principals[3].name, "uid:0");
	ck_assert_uint_eq(config.principals[3].max_priority, 2);
}
END_TEST

START_TEST(a_section_of_a_principal_that_makes_no_sense_is_refused)
{
	static const struct {
		const char *file;
		const char *fault;
	} cases[] = {
		{ "[principal x]\nbackend = null\n",
		  "test.conf:2: there is no key 'backend' in section [principal x]" },
		{ "[principal x]\nweight = 0\n",
		  "test.conf:2: weight: 0 is not within 1 to 10000" },
		{ "[principal x]\nmax-priority = 8\n",
		  "test.conf:2: max-priority: 8 is not within 0 to 7" },
		{ "[principal x]\nweight = 1\n[principal x]\nweight = 1\n",
		  "test.conf:4: 'weight' is there twice" },
		{ "[principal 0123456789012345678901234567890123456789]\n",
		  "test.conf:1: the section's name is too long" },
		{ "[principal ]\nweight = 1\n",
		  "test.conf:2: there is no key 'weight' in section [principal ]" },
	};
	char many[(PENSTOCK_CONFIG_PRINCIPALS + 1) * 24] = "";

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(read_text(cases[i].file), PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert_str_eq(text.text, cases[i].fault);
		penstock_config_fini(&config);
		config = (struct penstock_config){ .given = 0 };
	}
	for (unsigned i = 0; i <= PENSTOCK_CONFIG_PRINCIPALS; i++) {
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "[principal %u]\n", i);
	}
	ck_assert_int_eq(read_text(many), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, "test.conf:65: too many sections of principals");
}
END_TEST

START_TEST(a_reload_does_not_change_adapters)
{
	struct penstock_config next = { .given = 0 };
	struct penstock_config first;
	char name[64] = "";

	ck_assert_int_eq(read_text("[adapter 1]\nparanoid = yes\n"), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	first = config;
	config = next;
	ck_assert_int_eq(read_text("[adapter 1]\n"), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	penstock_config_reload(&first, &config, keep_name, name);
	ck_assert_str_eq(name, "paranoid of adapter 1");
	ck_assert(first.adapters[1].paranoid);
	penstock_config_fini(&config);
	config = next;
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	penstock_config_reload(&first, &config, keep_name, name);
	ck_assert_str_eq(name, "adapter");
	ck_assert_uint_eq(first.more_adapters, 1);
	penstock_config_fini(&first);
}
END_TEST

START_TEST(E5_a_reload_changes_the_limits_of_every_adapter)
{
	struct penstock_config next = { .given = 0 };
	struct penstock_config first;
	unsigned fixed = 0;

	ck_assert_int_eq(read_text("[adapter 1]\n"), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(config.adapters[0].tdr_limit_count, 5);
	ck_assert_uint_eq(config.adapters[1].tdr_block_time_s, 300);
	first = config;
	config = next;
	ck_assert_int_eq(read_text("[adapter]\ntdr-limit-count = 7\n"
				   "[adapter 1]\ntdr-limit-count = 3\ntdr-block-time = 9\n"),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	penstock_config_reload(&first, &config, count_fixed, &fixed);
	ck_assert_uint_eq(fixed, 0);
	ck_assert_uint_eq(first.adapters[0].tdr_limit_count, 7);
	ck_assert_uint_eq(first.adapters[0].tdr_block_time_s, 300);
	ck_assert_uint_eq(first.adapters[1].tdr_limit_count, 3);
	ck_assert_uint_eq(first.adapters[1].tdr_block_time_s, 9);
	penstock_config_fini(&first);
}
END_TEST

START_TEST(a_reload_changes_what_may_change_and_names_the_rest)
{
	struct penstock_config next = { .given = 0 };
	struct penstock_config first;
	unsigned fixed = 0;

	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	first = config;
	config = next;
	ck_assert_int_eq(read_options("--log-level=error", "--local-memory=2M", NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_config_complete(&config, &text), PENSTOCK_STATUS_SUCCESS);
	next = config;
	config = first;
	penstock_config_reload(&config, &next, count_fixed, &fixed);
	ck_assert_uint_eq(config.log_level, 3);
	ck_assert_uint_eq(config.adapters[0].local_memory, 1u << 30);
	ck_assert_uint_eq(fixed, 1);
	penstock_config_fini(&next);
}
END_TEST

START_TEST(the_example_says_every_key_with_its_default)
{
	const char *top = getenv("PENSTOCK_SRCDIR");
	char path[512], line[256];
	unsigned keys = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/systemd/penstockd.conf", top != NULL ? top : ".");
	ck_assert_int_eq(penstock_config_file(&config, path, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(config.given, 0);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		keys += line[0] == ';' && line[1] >= 'a' && strstr(line, " =") != NULL;
	}
	fclose(file);
	ck_assert_uint_eq(keys, penstock_config_key_count);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	ck_assert_int_eq(penstock_config_file(&config, "/nowhere/penstockd.conf", &text),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_str_eq(text.text, "/nowhere/penstockd.conf: No such file or directory");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_nobody_says_has_a_default);
	tcase_add_test(tcase, a_file_says_every_kind_of_value);
	tcase_add_test(tcase, an_unknown_key_names_file_and_line);
	tcase_add_test(tcase, a_key_in_the_wrong_section_is_unknown);
	tcase_add_test(tcase, a_bad_value_says_what_would_be_good);
	tcase_add_test(tcase, a_value_out_of_range_says_the_range);
	tcase_add_test(tcase, a_number_that_wraps_is_no_number);
	tcase_add_test(tcase, a_choice_lists_its_words);
	tcase_add_test(tcase, a_switch_is_yes_or_no);
	tcase_add_test(tcase, an_address_that_is_not_loopback_is_refused);
	tcase_add_test(tcase, a_relative_path_is_refused);
	tcase_add_test(tcase, a_key_that_is_there_twice_is_refused);
	tcase_add_test(tcase, a_line_that_is_no_key_is_refused);
	tcase_add_test(tcase, an_indented_line_is_refused);
	tcase_add_test(tcase, a_long_line_is_refused);
	tcase_add_test(tcase, the_command_line_wins_over_the_file);
	tcase_add_test(tcase, a_bad_value_is_a_fault_though_the_command_line_wins);
	tcase_add_test(tcase, an_unknown_option_is_named);
	tcase_add_test(tcase, faults_are_packets_and_kinds);
	tcase_add_test(tcase, a_segment_is_whole_granules);
	tcase_add_test(tcase, a_further_adapter_has_what_the_first_has_where_it_says_nothing);
	tcase_add_test(tcase, an_option_is_the_first_adapters_and_what_others_do_not_say);
	tcase_add_test(tcase, adapters_are_numbered_without_a_gap_and_are_not_too_many);
	tcase_add_test(tcase, a_principal_has_what_everybody_has_where_it_says_nothing);
	tcase_add_test(tcase, a_section_of_a_principal_that_makes_no_sense_is_refused);
	tcase_add_test(tcase, a_reload_does_not_change_adapters);
	tcase_add_test(tcase, E5_a_reload_changes_the_limits_of_every_adapter);
	tcase_add_test(tcase, a_reload_changes_what_may_change_and_names_the_rest);
	tcase_add_test(tcase, the_example_says_every_key_with_its_default);
	tcase_add_test(tcase, a_file_that_is_not_there_is_named);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
