/*
 * From accepted to safe.  With --ack http both are the same.  With --ack
 * indexer an accepted slice is pending until its indexer, asked again and
 * again, confirms it; what cannot be confirmed any more is sent again.
 *
 * Each request slot carries one channel (see ack_table.h), and is asked about
 * only while it sends nothing itself, so an answer always belongs to the
 * channel that the slot has.
 */
#ifndef TP_HEC_CONFIRM_H
#define TP_HEC_CONFIRM_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#include "tp-hec/batch.h"

struct outbox;
struct receiver;
struct request;
struct stats;
struct verdict;

struct confirm;

struct confirm *confirm_new(struct outbox *outbox, struct stats *stats);
void confirm_free(struct confirm *confirm);

/* How many accepted requests are pending. */
size_t confirm_pending(const struct confirm *confirm);

/* --- what became of a slot's events --------------------------------------- */

/* The slice is one, or the kept part of one, that `request` carried. */
void confirm_accept(struct confirm *confirm, struct request *request,
    const struct slice *slice, const struct verdict *verdict, int64_t now_ms);

/*
 * Before a reply that may hide an ackId from us (`verdict`; NULL: no reply at
 * all) is obeyed.
 */
void confirm_doubt(struct confirm *confirm, struct request *request,
    const struct verdict *verdict, int64_t now_ms);

/* --- an idle slot, and the receiver that it belongs to -------------------- */

/*
 * Whether it may carry events now.  `is_reserve`: they are the last for which
 * there is memory, and kept for a channel that nothing is heard of.
 */
int
confirm_may_send(const struct request *request, int is_reserve, int64_t now_ms);

/* It is about to. */
void confirm_before_send(struct request *request, int64_t now_ms);

/* Gives up ids that have been pending for too long. */
void confirm_expire(struct confirm *confirm, struct request *request,
    struct receiver *receiver, int64_t now_ms);

/* When it has to be asked or given up; INT64_MAX: nothing is pending. */
int64_t confirm_due_ms(const struct request *request);

/* Makes it ready to ask. */
void confirm_ask(struct request *request, struct receiver *receiver);

/* The question is done. */
void confirm_hear(struct confirm *confirm, struct request *request,
    CURLcode result, int64_t now_ms);

#endif
