/* SPDX-License-Identifier: MIT */
/*
 * Where memory files are mapped in the daemon, and what happens where a page is not there any more:
 * whoever may write a file may shorten it, and a GPU process that is not confined could. The page
 * is then a private one, zeros at first, and the mapping is torn for good: what the daemon reads
 * and writes there is not what a GPU sees. Without this the daemon would end by SIGBUS.
 *
 * The handler is the process's, and is installed with the first mapping. It hands on what is not
 * about one of these. Mappings come and go on the loop thread; any thread may touch them.
 */
#ifndef PENSTOCK_MAPPED_H
#define PENSTOCK_MAPPED_H

#include "proto/base/base.h"

struct penstock_mapped;

/* Whole pages, mapped until penstock_mapped_forget. NULL: no memory. */
struct penstock_mapped *penstock_mapped_watch(void *address, uint64_t size_bytes);

/* Before it is unmapped. Accepts NULL. */
void penstock_mapped_forget(struct penstock_mapped *mapped);

/* Accepts NULL: nothing is mapped, nothing is torn. */
bool penstock_mapped_torn(const struct penstock_mapped *mapped);

#endif
