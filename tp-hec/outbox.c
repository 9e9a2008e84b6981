/* A queue, and what is settled. */
#include "tp-hec/outbox.h"

#include <stdlib.h>

#include "lib/message.h"
#include "tp-hec/line_uid.h"
#include "tp-hec/slice_queue.h"
#include "tp-hec/stats.h"
#include "tp-hec/window.h"

struct outbox {
	struct window *window;
	struct stats *stats;
	struct slice_queue queue;
	int64_t send_before_line;
	struct batch *done; /* settled whole, but not yet safe */
};

struct outbox *
outbox_new(struct window *window, struct stats *stats)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));

	if (outbox == NULL)
		die(EXIT_OS, "out of memory");
	*outbox = (struct outbox){ .window = window,
		.stats = stats,
		.send_before_line = INT64_MAX };
	return outbox;
}

void
outbox_free(struct outbox *outbox)
{
	if (outbox == NULL)
		return;
	slice_queue_free(&outbox->queue);
	free(outbox);
}

/*
 * A batch keeps its place in the pool until it is acknowledged, not only until
 * it is delivered: so what is read while one request hangs is bounded, and with
 * it what a crash sends again.
 */
static void
release_safe(struct outbox *outbox)
{
	const int64_t safe = window_safe(outbox->window)->line;
	struct batch **link = &outbox->done;

	while (*link != NULL) {
		struct batch *batch = *link;
		if (batch->first_line + (int64_t)batch->count - 1 > safe) {
			link = &batch->next;
			continue;
		}
		*link = batch->next;
		batch_release(batch);
	}
}

void
outbox_settle(struct outbox *outbox, const struct slice *slice)
{
	struct batch *batch = slice->batch;
	const struct batch_line *last;
	struct window_mark mark;

	if (slice->from == slice->to)
		return;
	last = &batch->line[slice->to - 1];
	mark.line = batch->first_line + (int64_t)slice->to - 1;
	mark.number = last->number;
	line_uid(batch->body.data + last->event_start, last->event_bytes,
	    mark.uid);
	window_settle(outbox->window, slice_first_line(slice), &mark);
	outbox->stats->events_acknowledged += slice_events(slice);
	batch->settled += slice->to - slice->from;
	if (batch->settled < batch->count)
		return;
	batch->next = outbox->done;
	outbox->done = batch;
	release_safe(outbox);
}

void
outbox_put(struct outbox *outbox, struct slice slice, int is_again)
{
	if (slice.from == slice.to)
		return; /* its batch may be gone */
	if (slice_events(&slice) == 0)
		outbox_settle(outbox, &slice);
	else
		slice_queue_put(&outbox->queue, slice, is_again);
}

int
outbox_has_work(const struct outbox *outbox)
{
	return slice_queue_first_line(&outbox->queue) <
	       outbox->send_before_line;
}

size_t
outbox_count(const struct outbox *outbox)
{
	return outbox->queue.count;
}

struct slice
outbox_take(struct outbox *outbox, size_t most_bytes)
{
	int is_again;
	struct slice slice =
	    slice_queue_take(&outbox->queue, most_bytes, &is_again);

	outbox->stats->requests_again += (uint64_t)is_again;
	return slice;
}

void
outbox_send_only_before(struct outbox *outbox, int64_t line)
{
	if (line < outbox->send_before_line)
		outbox->send_before_line = line;
}
