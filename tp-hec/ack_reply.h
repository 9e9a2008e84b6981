/*
 * What the reply to a question about ackIds means.  Pure.
 *
 * Only `true`, whole and under a 2xx, confirms anything.  Whatever else comes
 * (a proxy's page, HEC's 404 or 503, code 12 from a receiver that takes the
 * question for an event) is no word about any event: ask again later.
 */
#ifndef TP_HEC_ACK_REPLY_H
#define TP_HEC_ACK_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/verdict.h"

enum ack_reply_kind {
	ACK_REPLY_STATES,   /* an answer, even if it confirms nothing */
	ACK_REPLY_DISABLED, /* code 14: the token has no acknowledgement */
	ACK_REPLY_REFUSED   /* not an answer; `why` says what came */
};

struct ack_reply {
	enum ack_reply_kind kind;
	size_t confirmed;
	struct verdict why; /* for complaint_phrase() */
};

/*
 * `ids` are the `count` distinct ids that were asked about; those that are
 * confirmed are moved to the front, in order.
 */
struct ack_reply
ack_reply_of(const struct reply *reply, int64_t *ids, size_t count);

#endif
