/*
 * Events that were accepted together: the lines to keep, and their uids.
 */
#ifndef STANDIN_HEC_BATCH_H
#define STANDIN_HEC_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

/* 128 bits of hash stand for a uid: two that differ never meet by chance. */
struct uid {
	uint64_t a, b; /* 0, 0: the event has none */
};

struct batch {
	struct bytes lines; /* each event on one line, with LF */
	size_t count;
	struct bytes uids; /* an array of struct uid, one an event, or empty */
};

/* Adds one event; CR and LF between its tokens are left out. */
void batch_add(struct batch *batch, const char *event, size_t len);
void batch_add_uid(struct batch *batch, const char *uid); /* NULL: none */
void batch_free(struct batch *batch);

#endif
