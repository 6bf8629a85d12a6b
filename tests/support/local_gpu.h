/* SPDX-License-Identifier: MIT */
/*
 * The emulated GPU without processes: command processor, engines and MMU of penstock-gpu, one of
 * each for a process, executed packet by packet on turns of the loop. For tests that want the
 * whole daemon in one process, and the same order of everything each time.
 */
#ifndef PENSTOCK_TEST_LOCAL_GPU_H
#define PENSTOCK_TEST_LOCAL_GPU_H

#include "gpu-backend/backend.h"

/* As penstock_emulated_start; gpu_program and memory_lock are not looked at. */
enum penstock_status penstock_local_gpu_start(const struct penstock_backend_config *config,
					      struct penstock_backend **ret_backend,
					      struct penstock_errbuf *reterr_text);

#endif
