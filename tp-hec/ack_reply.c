/* {"acks":{"0":true,"1":false}} */
#include "tp-hec/ack_reply.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

static int
is_true(const json_t *acks, int64_t id)
{
	char key[24];

	snprintf(key, sizeof(key), "%" PRId64, id);
	return json_is_true(json_object_get(acks, key));
}

struct ack_reply
ack_reply_of(const struct reply *reply, int64_t *ids, size_t count)
{
	struct ack_reply result = { .kind = ACK_REPLY_REFUSED };
	int is_good =
	    reply->status >= 200 && reply->status <= 299 && !reply->is_cut;
	json_t *body = is_good ? json_loadb(reply->body, reply->len_bytes,
				     JSON_REJECT_DUPLICATES, NULL)
			       : NULL;
	const json_t *acks = json_object_get(body, "acks");

	if (json_is_object(acks)) {
		result.kind = ACK_REPLY_STATES;
		for (size_t i = 0; i < count; i++)
			if (is_true(acks, ids[i]))
				ids[result.confirmed++] = ids[i];
	} else {
		result.why = verdict_of(reply, 0);
		if (result.why.is_ack_disabled)
			result.kind = ACK_REPLY_DISABLED;
	}
	json_decref(body);
	return result;
}
