/* SPDX-License-Identifier: MIT */
/*
 * What every libcheck program shares. A test's name says the behaviour; one that shows a feature
 * row starts with the row: A9_multipass_gives_same_pixels.
 */
#ifndef PENSTOCK_HARNESS_H
#define PENSTOCK_HARNESS_H

#include <check.h>

/* Runs the suite and returns main's exit status; the environment may choose (CK_RUN_CASE...). */
int penstock_test_main(Suite *suite);

/* A new, empty directory under $TMPDIR or /tmp; the caller frees the string. */
char *penstock_test_directory(void);

/* Removes such a directory with all it holds, and frees the string. */
void penstock_test_directory_remove(char *path);

#endif
