/* SPDX-License-Identifier: MIT */
/*
 * The script of the faulty backend as an operator of a test writes it: "3:hang,5:death:9" is packet
 * 3 hangs, packet 5's process dies with wait status 9. Kinds are those of
 * gpu-backend/faulty/faulty.h in small letters, '-' for '_'.
 */
#ifndef PENSTOCK_FAULTS_H
#define PENSTOCK_FAULTS_H

#include "gpu-backend/faulty/faulty.h"

#define PENSTOCK_FAULTS_MAX 64u

/* SUCCESS, or INVALID_PARAMETER with a sentence. "" is no fault. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_faults_parse(const char *text,
					   struct penstock_fault ret_faults[PENSTOCK_FAULTS_MAX],
					   size_t *ret_count, struct penstock_errbuf *reterr_text);

#endif
