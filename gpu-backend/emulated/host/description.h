/* SPDX-License-Identifier: MIT */
/*
 * What the driver of the emulated GPU can do, asked of a process of its own: the daemon never opens
 * it. The process is started, works while the daemon does other things, and is waited for:
 *
 *	start --> (the process: open the driver, be confined, ask it, write, end) --> finish
 *
 * It is believed no more than any GPU process. For the start of a daemon: finish may wait. Loop
 * thread.
 */
#ifndef PENSTOCK_DESCRIPTION_H
#define PENSTOCK_DESCRIPTION_H

#include "proto/adapter/facts.h"
#include "proto/wire/status.h"

#include <sys/types.h>

struct penstock_description_process {
	pid_t pid; /* 0: none */
	int pidfd;
	int pipe;
};

/* SUCCESS; NO_MEMORY, IO_DEVICE_ERROR: the program cannot be started, and the text says so. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_description_start(const char *program,
						struct penstock_description_process *ret_process,
						struct penstock_errbuf *reterr_text);

/*
 * Waits for what the process writes, at most wait_ms, and for its end, which is made sure of. The
 * facts are less what Penstock does not carry. SUCCESS; NOT_SUPPORTED: it says that its driver does
 * not work, it died, it hung, or what it wrote cannot be, and the text says which.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_description_finish(struct penstock_description_process *process,
						 uint32_t wait_ms,
						 struct penstock_adapter_facts *ret_facts,
						 struct penstock_errbuf *reterr_text);

/* Nobody wants to know any more. A process that was never started, or finished: nothing happens. */
void penstock_description_cancel(struct penstock_description_process *process);

#endif
