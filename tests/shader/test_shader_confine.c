/* SPDX-License-Identifier: MIT */
/* penstock-shader, once it is confined: it reads and writes its socket, and that is all. */
#include "config.h"

#include "gpu-backend/shader/exchange.h"
#include "gpu-backend/shader/program/confine.h"
#include "tests/harness.h"
#include "tests/support/confined.h"

#include <sys/socket.h>
#include <unistd.h>

START_TEST(shader_confinement_kills_what_leads_out_of_the_process)
{
	ck_assert(confined_is_killed(penstock_shader_confine, confined_forbidden[_i]));
}
END_TEST

#ifndef PENSTOCK_SANITIZERS
START_TEST(shader_confinement_makes_no_code)
{
	ck_assert(confined_is_killed(penstock_shader_confine, confined_make_code));
}
END_TEST
#endif

/* Both ends are one of its own. */
static void use_the_socket(void)
{
	char byte = 'a';

	if (write(PENSTOCK_SHADER_FD, &byte, 1) != 1) {
		_exit(1);
	}
}

/* Before it is confined, as it is given one. */
static int confine_with_socket(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
	    dup2(ends[0], PENSTOCK_SHADER_FD) < 0) {
		return -1;
	}
	return penstock_shader_confine();
}

START_TEST(shader_confinement_leaves_memory_and_the_socket)
{
	ck_assert(confined_may(confine_with_socket, use_the_socket));
	ck_assert(confined_may(penstock_shader_confine, confined_take_memory));
}
END_TEST

/* What C++ does about an exception that nobody catches. */
START_TEST(shader_confinement_lets_a_process_give_up)
{
	ck_assert(confined_gives_up(penstock_shader_confine));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shader_confine");
	TCase *tcase = tcase_create("shader_confine");

	tcase_add_loop_test(tcase, shader_confinement_kills_what_leads_out_of_the_process, 0,
			    (int)confined_forbidden_count);
#ifndef PENSTOCK_SANITIZERS
	tcase_add_test(tcase, shader_confinement_makes_no_code);
#endif
	tcase_add_test(tcase, shader_confinement_leaves_memory_and_the_socket);
	tcase_add_test(tcase, shader_confinement_lets_a_process_give_up);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
