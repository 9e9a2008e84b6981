/*
 * Slices that wait to be sent, sorted by line: what is safe earliest is worth
 * most, for acknowledgements cover a prefix.  A zeroed struct is empty.
 */
#ifndef TP_HEC_SLICE_QUEUE_H
#define TP_HEC_SLICE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/batch.h"

struct waiting_slice {
	struct slice slice;
	int is_again; /* it has been sent before */
};

struct slice_queue {
	struct waiting_slice *waiting;
	size_t count;
	size_t capacity;
};

/* Slices are disjoint and not empty. */
void
slice_queue_put(struct slice_queue *queue, struct slice slice, int is_again);

/* The first line that waits; INT64_MAX: none does. */
int64_t slice_queue_first_line(const struct slice_queue *queue);

/*
 * Takes the head of the queue, cut to `most_bytes` as slice_cut() does; what is
 * cut off stays.  The queue must not be empty.
 */
struct slice
slice_queue_take(struct slice_queue *queue, size_t most_bytes, int *is_again);

void slice_queue_free(struct slice_queue *queue);

#endif
