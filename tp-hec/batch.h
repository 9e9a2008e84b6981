/*
 * The bytes of one request body, and where each input line lies in them.
 *
 * A body is what goes to the wire, `\n` after every event, so that any run of
 * its lines (a slice) is a body too: sending a part again copies nothing.
 * A line without an event (a blank one, or one set aside) has no bytes; it is
 * settled together with its neighbours.
 *
 * Invariants:
 * 1. Lines are consecutive: line[i] is input line first_line + i.
 * 2. line[i] ends where line[i + 1] starts.
 * 3. BATCH_PADDING bytes behind the body are readable.
 */
#ifndef TP_HEC_BATCH_H
#define TP_HEC_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"

enum { BATCH_PADDING = 64 };

struct batch_line {
	int64_t number; /* what acknowledges it: its line number or its tag */
	uint32_t start; /* offsets into the body */
	uint32_t end;
	uint32_t event_start; /* the event's own JSON within the line */
	uint32_t event_bytes;
};

struct batch {
	struct buffer body;
	struct batch_line *line;
	size_t count;
	size_t events;  /* lines that have bytes */
	size_t settled; /* lines that are safe; the owner's count */
	int64_t first_line;
	int64_t opened_ms; /* when its first line came */
	struct batch_pool *pool;
	struct batch *next; /* in the pool, or among the settled */
};

/* Lines `from` up to but without `to` of a batch. */
struct slice {
	struct batch *batch;
	size_t from;
	size_t to;
};

/*
 * The pool bounds memory: at most `most_batches` at a time, and no further
 * one while those in hand already hold most_batches * body_bytes (single
 * events may be larger than body_bytes).
 */
struct batch_pool *
batch_pool_new(size_t body_bytes, size_t lines, size_t most_batches);
void batch_pool_free(struct batch_pool *pool);

/* Whether batch_take() would give one. */
int batch_pool_has_room(const struct batch_pool *pool);

/* An empty batch whose first line will be `first_line`; NULL: none to spare. */
struct batch *batch_take(struct batch_pool *pool, int64_t first_line);

/* Gives it back; NULL is allowed. */
void batch_release(struct batch *batch);

/*
 * Ends a line whose bytes the caller has appended to `body` since the line
 * before ended; the event lies at `event_start` in the body.
 */
void batch_end_line(struct batch *batch, int64_t number, size_t event_start,
    size_t event_bytes);

/* Whether it holds more bytes than one request should. */
int batch_is_over(const struct batch *batch);

/* Whether nothing more should be added. */
int batch_is_full(const struct batch *batch);

/* Takes the last line off `batch` and makes it the first of `next`. */
void batch_move_last(struct batch *batch, struct batch *next);

struct slice batch_whole(struct batch *batch);
const char *slice_body(const struct slice *slice);
size_t slice_bytes(const struct slice *slice);
size_t slice_events(const struct slice *slice);
int64_t slice_first_line(const struct slice *slice);

/* The line that holds the slice's event `index` (from 0). */
size_t slice_line_of_event(const struct slice *slice, size_t index);

/*
 * Where to cut so that the part before holds at most `most_bytes`, but an
 * event at least; `to` when it fits whole.
 */
size_t slice_cut(const struct slice *slice, size_t most_bytes);

#endif
