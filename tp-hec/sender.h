/*
 * Batches on their way: requests in flight, what becomes of their lines, the
 * pauses between attempts and the choice of a receiver.
 *
 * Each submitted batch is a slice in the outbox.  A free request takes the
 * first slice; the reply settles lines (or, with --ack indexer, leaves them
 * pending until they are confirmed), sets a refused one aside, and puts back
 * what has to be sent again.
 */
#ifndef TP_HEC_SENDER_H
#define TP_HEC_SENDER_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/batch.h"
#include "tp-hec/receiver.h"
#include "tp-hec/request.h"

struct aside;
struct curl_waitfd;
struct stats;
struct window;

struct sender_setup {
	struct request_setup request;
	struct credentials *credentials; /* read again when refused */
	const char *const *urls;
	size_t url_count;
	enum gzip gzip;
	unsigned in_flight;
	int64_t ack_timeout_ms;
	const struct batch_pool *pool;
	struct window *window;
	struct aside *aside;
	struct stats *stats;
};

struct sender;

/* `setup` stays the caller's.  Ends the program on a malformed URL. */
struct sender *sender_new(const struct sender_setup *setup);
void sender_free(struct sender *sender);

/* Takes over the batch. */
void sender_submit(struct sender *sender, struct batch *batch);

/* Moves everything that can move; does not block. */
void sender_turn(struct sender *sender, int64_t now_ms);

/* Waits until a transfer, one of `fds`, or the time asks for a turn. */
void sender_wait(struct sender *sender, struct curl_waitfd *fds, unsigned count,
    int64_t now_ms, int64_t most_ms);

/* Sends nothing that lies at or behind `line`; what flies goes on. */
void sender_send_only_before(struct sender *sender, int64_t line);

/* Time is short: asks every receiver now, however long it was to be left alone.
 */
void sender_hurry(struct sender *sender);

/* Whether all lines (that may still be sent) are settled. */
int sender_is_idle(const struct sender *sender);

/*
 * TROUBLE_NONE while any receiver is well; else what they suffer from, since
 * when they have taken nothing, and for one of them its name and why, valid
 * until the next turn.
 */
struct sender_trouble {
	enum trouble kind;
	int64_t since_ms;
	const char *name;
	const char *why;
};

struct sender_trouble sender_trouble(const struct sender *sender);

#endif
