/*
 * One channel's requests that an indexer has accepted and not yet confirmed:
 * which slice stands behind which ackId, when to ask, and how long to wait.
 * Pure: the caller brings the time, and does the asking and resending.
 *
 * An ackId means something only together with its channel and the indexer that
 * gave it.  Every indexer counts a channel's requests from the same number on,
 * so as long as we know the id of each request that a channel has carried, one
 * from an indexer that the channel has not met before (another one behind a
 * balancer, or the same one restarted) cannot be above the last.  Hence:
 *
 * 1. Ids on a channel rise.  One that does not ends the channel: nothing that
 *    is pending there can be told apart any more.
 * 2. A request that may have got an id which we do not know ends it too (the
 *    caller's part).
 * 3. A channel that has ended confirms nothing; its slices are sent again.
 *
 * Where ids keep starting again, no channel can have more than one id.  After
 * each end by rule 1 the next requests travel carefully: one at a time, each on
 * a channel of its own, for a stretch that doubles until channels last again.
 */
#ifndef TP_HEC_ACK_TABLE_H
#define TP_HEC_ACK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/batch.h"

enum {
	ACK_TABLE_FIRST_POLL_MS = 200,
	ACK_TABLE_LONGEST_POLL_MS = 10 * 1000,
	ACK_TABLE_CAREFUL_POLL_MS = 1000, /* while one request waits for it */
	ACK_TABLE_IDLE_MS = 60 * 1000,    /* an indexer forgets an idle channel
					     after 600 s */
	ACK_TABLE_SILENCE_MS = 5 * 1000,
	ACK_TABLE_MOST_PATIENT = 64, /* times the timeout */
	ACK_TABLE_FIRST_CAREFUL = 8,
	ACK_TABLE_MOST_CAREFUL = 1024
};

struct ack_table;

/* `timeout_ms`: how long an id may stay unconfirmed at first. */
struct ack_table *ack_table_new(int64_t timeout_ms);
void ack_table_free(struct ack_table *table);

/*
 * The indexer took `slice` and will confirm it under `id`.  -1: the id does not
 * rise; the slice was not taken, and the channel has ended.
 */
int ack_table_add(struct ack_table *table, int64_t id, struct slice slice,
    int64_t now_ms);

/* How many requests are pending. */
size_t ack_table_count(const struct ack_table *table);

/* Takes out the slice that is pending under `id`: 1, or 0: there is none. */
int ack_table_confirm(struct ack_table *table, int64_t id, struct slice *slice,
    int64_t now_ms);

/* Takes out any slice, to send it again: 1, or 0: there is none. */
int ack_table_take(struct ack_table *table, struct slice *slice);

/* A new channel: the next id may be any.  Nothing may be pending. */
void ack_table_renew(struct ack_table *table);

/* --- sending -------------------------------------------------------------- */

/* Whether a request may go out on the channel now. */
int ack_table_may_send(const struct ack_table *table);

/*
 * Whether one that is kept for this should go out: nothing is pending, or
 * nothing was confirmed for ACK_TABLE_SILENCE_MS.  An indexer that was
 * restarted answers "not yet" to old ids for ever; only the next id gives it
 * away.
 */
int ack_table_is_silent(const struct ack_table *table, int64_t now_ms);

/* Whether it should do so on a new channel. */
int ack_table_is_stale(const struct ack_table *table, int64_t now_ms);

/* --- asking --------------------------------------------------------------- */

/* When to ask next; INT64_MAX: nothing is pending. */
int64_t ack_table_poll_ms(const struct ack_table *table);

/* The oldest pending ids, at most `most` of them; returns how many. */
size_t ack_table_ids(const struct ack_table *table, int64_t *ids, size_t most);

/* It was asked at `now_ms`, and `confirmed` ids were. */
void
ack_table_polled(struct ack_table *table, size_t confirmed, int64_t now_ms);

/* When the oldest pending id has waited too long; INT64_MAX: none is. */
int64_t ack_table_expiry_ms(const struct ack_table *table);

/*
 * It has: the next ids may wait twice as long, until one is confirmed in half
 * the timeout.  Where indexers take longer than the timeout, the same events
 * would be sent for ever.
 */
void ack_table_be_patient(struct ack_table *table);

#endif
