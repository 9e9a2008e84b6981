/*
 * Slices that wait to be sent, and what happens to a slice when it is settled.
 *
 * Every slice that was put in comes out by outbox_take() or stays; whoever has
 * taken one puts it back or settles it.  None is ever dropped.  A batch is
 * released when all its lines, and all before them, are settled.
 */
#ifndef TP_HEC_OUTBOX_H
#define TP_HEC_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/batch.h"

struct stats;
struct window;

struct outbox;

struct outbox *outbox_new(struct window *window, struct stats *stats);
void outbox_free(struct outbox *outbox);

/*
 * Puts a slice in its place; one without events is settled instead, an empty
 * one is nothing.  `is_again`: its lines have been sent before.
 */
void outbox_put(struct outbox *outbox, struct slice slice, int is_again);

/* Whether there is a slice that may be sent. */
int outbox_has_work(const struct outbox *outbox);

/* How many slices wait. */
size_t outbox_count(const struct outbox *outbox);

/*
 * Takes the first slice, cut to `most_bytes` as slice_cut() does.  There must
 * be work.  A slice that is sent again is counted.
 */
struct slice outbox_take(struct outbox *outbox, size_t most_bytes);

/* Nothing that lies at or behind `line` may be sent. */
void outbox_send_only_before(struct outbox *outbox, int64_t line);

/* The lines of the slice are safe. */
void outbox_settle(struct outbox *outbox, const struct slice *slice);

#endif
