/* A short sorted array: a few slices for each batch in hand. */
#include "tp-hec/slice_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"

static void
make_room(struct slice_queue *queue)
{
	if (queue->count < queue->capacity)
		return;
	queue->capacity = queue->capacity ? queue->capacity * 2 : 16;
	queue->waiting =
	    realloc(queue->waiting, queue->capacity * sizeof(*queue->waiting));
	if (queue->waiting == NULL)
		die(EXIT_OS, "out of memory");
}

void
slice_queue_put(struct slice_queue *queue, struct slice slice, int is_again)
{
	int64_t line = slice_first_line(&slice);
	size_t at = queue->count;

	make_room(queue);
	while (at > 0 && slice_first_line(&queue->waiting[at - 1].slice) > line)
		at--;
	memmove(&queue->waiting[at + 1], &queue->waiting[at],
	    (queue->count - at) * sizeof(*queue->waiting));
	queue->waiting[at] = (struct waiting_slice){ slice, is_again };
	queue->count++;
}

int64_t
slice_queue_first_line(const struct slice_queue *queue)
{
	return queue->count ? slice_first_line(&queue->waiting[0].slice)
			    : INT64_MAX;
}

struct slice
slice_queue_take(struct slice_queue *queue, size_t most_bytes, int *is_again)
{
	assert(queue->count > 0);
	struct waiting_slice *first = &queue->waiting[0];
	struct slice taken = first->slice;

	*is_again = first->is_again;
	taken.to = slice_cut(&first->slice, most_bytes);
	if (taken.to < first->slice.to) {
		first->slice.from = taken.to;
		return taken;
	}
	queue->count--;
	memmove(first, first + 1, queue->count * sizeof(*first));
	return taken;
}

void
slice_queue_free(struct slice_queue *queue)
{
	free(queue->waiting);
	*queue = (struct slice_queue){ 0 };
}
