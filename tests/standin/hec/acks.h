/*
 * Indexer acknowledgement: each indexer has channels of its own, each channel
 * numbers its requests from 0, and `true` is said once.
 *
 * Events accepted under an acknowledgement are in the indexer's memory until
 * the delay has passed; then they go to the store and the id turns true.  A
 * restart of the indexer forgets both.  Thread-safe.
 */
#ifndef STANDIN_HEC_ACKS_H
#define STANDIN_HEC_ACKS_H

#include <jansson.h>
#include <stdint.h>

#include "store.h"

enum { CHANNEL_LEN = 36 };

struct acks_settings {
	int indexers;
	bool sets_no_cookie; /* the balancer: each request meets the next */
	int64_t delay_ms;
	int64_t idle_ms;      /* a channel unused for so long is forgotten */
	size_t channel_limit; /* ids that a channel may have pending */
};

struct acks;

/* Borrows `store`. */
struct acks *
acks_new(const struct acks_settings *settings, struct store *store);
void acks_free(struct acks *acks);

/*
 * `guid` in lower case, when `text` is a GUID (8-4-4-4-12 hexadecimal digits);
 * else false.
 */
bool acks_channel(char guid[CHANNEL_LEN + 1], const char *text);

/* May this channel take another request? */
bool acks_have_room(struct acks *acks, int indexer, const char *guid);

/* Copies the batch; returns its ackId. */
int64_t acks_add(struct acks *acks, int indexer, const char *guid,
    const struct batch *batch);

/*
 * {"ID":true|false,…} for an array of ids; those that are true are used up.
 * NULL when `ids` is not an array of integers.  `*confirmed` is the number of
 * events that the true ones stand for.
 */
json_t *acks_poll(struct acks *acks, int indexer, const char *guid, json_t *ids,
    size_t *confirmed);

/* Says whether the reply with so many confirmed events was written in full. */
void acks_note_reply(struct acks *acks, size_t confirmed, bool was_told);

/* Moves what is due to the store, forgets idle channels.  Call it often. */
void acks_tick(struct acks *acks);

/* Indexer `indexer` starts anew; -1: all of them. */
void acks_restart(struct acks *acks, int indexer);

/* Moves everything to the store, due or not: a clean stop. */
void acks_flush(struct acks *acks);

json_t *acks_stats(struct acks *acks);

#endif
