/*
 * One URL and how it fares: how much it is given at a time, and when it is
 * left alone.  Pure: the caller brings the time and does the talking.
 *
 * A receiver in trouble is benched for a growing pause; then one request at a
 * time probes it until one succeeds.  Requests that were already under way
 * when the trouble began neither lengthen the pause nor end it.
 */
#ifndef TP_HEC_RECEIVER_H
#define TP_HEC_RECEIVER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/backoff.h"
#include "lib/notice.h"

enum trouble {
	TROUBLE_NONE,
	TROUBLE_UNREACHED, /* waiting may mend it */
	TROUBLE_REFUSED    /* the operator must */
};

/* GZIP_AUTO: unless it is on this machine. */
enum gzip { GZIP_AUTO, GZIP_ON, GZIP_OFF };

/* What is known of a receiver's acknowledgements, once it has been said. */
enum ack_service {
	ACK_SERVICE_EXPECTED,
	ACK_SERVICE_UNUSED,  /* it has them, and we do not wait for them */
	ACK_SERVICE_ABSENT,  /* it took events without an ackId */
	ACK_SERVICE_DISABLED /* it said code 14: its ackIds mean nothing */
};

enum ack_trouble {
	ACK_TROUBLE_NONE,
	ACK_TROUBLE_UNANSWERED, /* questions are not answered */
	ACK_TROUBLE_OVERDUE     /* ids were given up, none confirmed since */
};

enum { RECEIVER_NAME_BYTES = 256, RECEIVER_WHY_BYTES = 256 };

struct receiver {
	const char *url;                /* where requests go */
	char name[RECEIVER_NAME_BYTES]; /* for people: without its query */
	int is_gzip;
	int has_taken_gzip;
	unsigned in_flight;
	unsigned limit; /* requests in flight at a time */
	unsigned most;  /* what `limit` may grow to */
	unsigned good;  /* successes since `limit` or `largest_bytes` changed */
	size_t largest_bytes; /* a body it takes; SIZE_MAX: not known better */

	enum trouble trouble;
	int64_t trouble_since_ms;
	int64_t idle_since_ms; /* in this trouble it has taken nothing since */
	int64_t benched_until_ms;
	unsigned period; /* grows whenever it is benched */
	struct backoff retry;
	struct backoff hold;
	struct notice notice;
	char why[RECEIVER_WHY_BYTES]; /* the trouble in words */

	struct {
		enum ack_service service;
		enum ack_trouble trouble;
		int is_refused; /* the last question */
		int64_t trouble_since_ms;
		struct notice notice;
		char why[RECEIVER_WHY_BYTES];
	} acks; /* it takes events, but does it confirm them? */
};

/* `url` is kept; `most` is how many requests it may be given at a time. */
struct receiver
receiver_make(const char *url, enum gzip gzip, unsigned most, uint64_t seed);

/* Whether it may be given a request now. */
int receiver_is_free(const struct receiver *receiver, int64_t now_ms);

/*
 * A request begun in `period` succeeded.  Returns for how long there had been
 * a trouble that was said, or -1.
 */
int64_t
receiver_succeeded(struct receiver *receiver, unsigned period, int64_t now_ms);

/*
 * A request begun in `period` failed: bench it, for `asked_ms` at least (-1:
 * nothing was asked).  Returns whether the failure opened a new pause.
 */
int receiver_bench(struct receiver *receiver, enum trouble trouble,
    unsigned period, int64_t asked_ms, int64_t now_ms);

/* The present pause is over, and the next ones begin small again. */
void receiver_hurry(struct receiver *receiver);

/* A question about ackIds was not answered, or ids had to be given up. */
void receiver_acks_fail(struct receiver *receiver, enum ack_trouble trouble,
    int64_t now_ms);

/* One was answered, and perhaps ids were confirmed. */
void receiver_acks_come(struct receiver *receiver, int is_confirmed);

/* It took a part of a request that it then had trouble with: that is no reason
   to give it up, nor to leave it alone for longer and longer. */
void receiver_took_part(struct receiver *receiver, int64_t now_ms);

/* It is near its capacity: half as many requests at a time. */
void receiver_slow_down(struct receiver *receiver);

/* A body of `bytes` was too large for it. */
void receiver_shrink(struct receiver *receiver, size_t bytes);

#endif
