/* Slices that wait to be sent. */
#include "tp-hec/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "tp-hec/line_uid.h"
#include "tp-hec/stats.h"
#include "tp-hec/window.h"

/* A slice that waits, and whether its lines have been sent before. */
struct waiting {
	struct slice slice;
	int is_again;
};

struct outbox {
	struct window *window;
	struct stats *stats;
	struct waiting *queue; /* sorted by line */
	size_t count;
	size_t capacity;
	int64_t send_before_line;
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
	free(outbox->queue);
	free(outbox);
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
	if (batch->settled == batch->count)
		batch_release(batch);
}

static void
make_room(struct outbox *outbox)
{
	if (outbox->count < outbox->capacity)
		return;
	outbox->capacity = outbox->capacity ? outbox->capacity * 2 : 16;
	outbox->queue =
	    realloc(outbox->queue, outbox->capacity * sizeof(*outbox->queue));
	if (outbox->queue == NULL)
		die(EXIT_OS, "out of memory");
}

void
outbox_put(struct outbox *outbox, struct slice slice, int is_again)
{
	size_t at = outbox->count;

	if (slice.from == slice.to)
		return;
	if (slice_events(&slice) == 0) {
		outbox_settle(outbox, &slice);
		return;
	}
	make_room(outbox);
	while (at > 0 && slice_first_line(&outbox->queue[at - 1].slice) >
			     slice_first_line(&slice))
		at--;
	memmove(&outbox->queue[at + 1], &outbox->queue[at],
	    (outbox->count - at) * sizeof(*outbox->queue));
	outbox->queue[at] = (struct waiting){ slice, is_again };
	outbox->count++;
}

int
outbox_has_work(const struct outbox *outbox)
{
	return outbox->count > 0 && slice_first_line(&outbox->queue[0].slice) <
					outbox->send_before_line;
}

struct slice
outbox_take(struct outbox *outbox, size_t most_bytes)
{
	struct waiting *first = &outbox->queue[0];

	if (!outbox_has_work(outbox))
		return (struct slice){ 0 };
	struct slice taken = first->slice;
	outbox->stats->requests_again += (uint64_t)first->is_again;
	taken.to = slice_cut(&first->slice, most_bytes);
	if (taken.to < first->slice.to) {
		first->slice.from = taken.to;
		return taken;
	}
	outbox->count--;
	memmove(first, first + 1, outbox->count * sizeof(*first));
	return taken;
}

void
outbox_send_only_before(struct outbox *outbox, int64_t line)
{
	if (line < outbox->send_before_line)
		outbox->send_before_line = line;
}
