/*
 * What Splunk would have indexed: a file of lines, and how often each uid came.
 */
#ifndef STANDIN_HEC_STORE_H
#define STANDIN_HEC_STORE_H

#include <jansson.h>

#include "batch.h"

struct store;

/*
 * Files are appended to; either may be NULL.  `untold` gets a copy of the
 * events whose acceptance the sender was never told of: those that it may
 * rightly send again.  Ends the program when one cannot be opened.
 */
struct store *store_open(const char *out, const char *untold, bool with_uids);
void store_close(struct store *store);

/* Keeps a batch; the lines are in the file when this returns. */
void store_keep(struct store *store, const struct batch *batch);

/* Notes that the last `count` lines of the batch were kept untold. */
void
store_note_untold(struct store *store, const struct batch *batch, size_t count);

/* Events kept by store_keep(). */
size_t store_count(struct store *store);

/* {"distinct":…,"repeated":…,"without":…}, or NULL without uids. */
json_t *store_uid_stats(struct store *store);

#endif
