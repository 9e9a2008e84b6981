/* Bodies, their lines, and the pool that bounds how many there are. */
#include "tp-hec/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"

struct batch_pool {
	size_t body_bytes;
	size_t lines;
	size_t most_batches;
	struct batch *idle;
	struct batch **taken; /* most_batches places, NULL where free */
};

enum { BODY_SLACK = 64 * 1024 }; /* the line that does not fit any more */

static void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		die(EXIT_OS, "out of memory");
	return memory;
}

struct batch_pool *
batch_pool_new(size_t body_bytes, size_t lines, size_t most_batches)
{
	struct batch_pool *pool = allocate(1, sizeof(*pool));

	*pool = (struct batch_pool){ .body_bytes = body_bytes,
		.lines = lines,
		.most_batches = most_batches,
		.taken = allocate(most_batches, sizeof(struct batch *)) };
	return pool;
}

static struct batch *
create(struct batch_pool *pool)
{
	struct batch *batch = allocate(1, sizeof(*batch));

	batch->pool = pool;
	batch->line = allocate(pool->lines, sizeof(*batch->line));
	buffer_reserve(&batch->body, pool->body_bytes + BODY_SLACK);
	return batch;
}

static void
destroy(struct batch *batch)
{
	free(batch->line);
	buffer_free(&batch->body);
	free(batch);
}

void
batch_pool_free(struct batch_pool *pool)
{
	if (pool == NULL)
		return;
	while (pool->idle != NULL) {
		struct batch *next = pool->idle->next;
		destroy(pool->idle);
		pool->idle = next;
	}
	for (size_t i = 0; i < pool->most_batches; i++)
		if (pool->taken[i] != NULL)
			destroy(pool->taken[i]);
	free(pool->taken);
	free(pool);
}

/* A place in `taken`, or NULL while there are enough batches in hand. */
static struct batch **
find_place(const struct batch_pool *pool)
{
	struct batch **place = NULL;
	size_t bytes = 0;

	for (size_t i = 0; i < pool->most_batches; i++)
		if (pool->taken[i] == NULL)
			place = &pool->taken[i];
		else
			bytes += pool->taken[i]->body.len_bytes;
	return bytes < pool->most_batches * pool->body_bytes ? place : NULL;
}

int
batch_pool_has_room(const struct batch_pool *pool)
{
	return find_place(pool) != NULL;
}

struct batch *
batch_take(struct batch_pool *pool, int64_t first_line)
{
	struct batch **place = find_place(pool);

	if (place == NULL)
		return NULL;
	struct batch *batch = pool->idle;
	if (batch != NULL)
		pool->idle = batch->next;
	else
		batch = create(pool);
	batch->first_line = first_line;
	batch->body.len_bytes = batch->count = 0;
	batch->events = batch->settled = 0;
	*place = batch;
	return batch;
}

void
batch_release(struct batch *batch)
{
	if (batch == NULL)
		return;
	struct batch_pool *pool = batch->pool;
	for (size_t i = 0; i < pool->most_batches; i++)
		if (pool->taken[i] == batch)
			pool->taken[i] = NULL;
	if (batch->body.capacity_bytes > 2 * (pool->body_bytes + BODY_SLACK)) {
		destroy(batch); /* a giant has been in it */
		return;
	}
	batch->next = pool->idle;
	pool->idle = batch;
}

void
batch_end_line(struct batch *batch, int64_t number, size_t event_start,
    size_t event_bytes)
{
	assert(batch->count < batch->pool->lines);
	size_t start = batch->count ? batch->line[batch->count - 1].end : 0;
	size_t end = batch->body.len_bytes;

	buffer_reserve(&batch->body, BATCH_PADDING);
	batch->line[batch->count++] = (struct batch_line){ .number = number,
		.start = (uint32_t)start,
		.end = (uint32_t)end,
		.event_start = (uint32_t)event_start,
		.event_bytes = (uint32_t)event_bytes };
	batch->events += end > start;
}

int
batch_is_over(const struct batch *batch)
{
	return batch->body.len_bytes > batch->pool->body_bytes;
}

int
batch_is_full(const struct batch *batch)
{
	return batch->body.len_bytes >= batch->pool->body_bytes ||
	       batch->count == batch->pool->lines;
}

void
batch_move_last(struct batch *batch, struct batch *next)
{
	assert(batch->count > 0 && next->count == 0);
	struct batch_line last = batch->line[--batch->count];

	batch->events -= last.end > last.start;
	buffer_append(&next->body, batch->body.data + last.start,
	    last.end - last.start);
	batch->body.len_bytes = last.start;
	next->first_line = batch->first_line + (int64_t)batch->count;
	batch_end_line(next, last.number, last.event_start - last.start,
	    last.event_bytes);
}

struct slice
batch_whole(struct batch *batch)
{
	return (struct slice){ batch, 0, batch->count };
}

const char *
slice_body(const struct slice *slice)
{
	return slice->batch->body.data + slice->batch->line[slice->from].start;
}

size_t
slice_bytes(const struct slice *slice)
{
	if (slice->from == slice->to)
		return 0;
	return slice->batch->line[slice->to - 1].end -
	       slice->batch->line[slice->from].start;
}

size_t
slice_events(const struct slice *slice)
{
	const struct batch *batch = slice->batch;
	size_t events = 0;

	if (batch->events == batch->count)
		return slice->to - slice->from;
	for (size_t i = slice->from; i < slice->to; i++)
		events += batch->line[i].end > batch->line[i].start;
	return events;
}

int64_t
slice_first_line(const struct slice *slice)
{
	return slice->batch->first_line + (int64_t)slice->from;
}

size_t
slice_line_of_event(const struct slice *slice, size_t index)
{
	const struct batch *batch = slice->batch;
	size_t i = slice->from;

	for (;; i++) {
		assert(i < slice->to);
		if (batch->line[i].end > batch->line[i].start && index-- == 0)
			return i;
	}
}

size_t
slice_cut(const struct slice *slice, size_t most_bytes)
{
	const struct batch_line *line = slice->batch->line;
	uint32_t start = line[slice->from].start;
	size_t at = slice->to;

	if (slice_bytes(slice) <= most_bytes)
		return at;
	while (at > slice->from && line[at - 1].end - start > most_bytes)
		at--;
	while (
	    at < slice->to && (at == slice->from || line[at - 1].end == start))
		at++; /* an event at least, however large */
	return at;
}
