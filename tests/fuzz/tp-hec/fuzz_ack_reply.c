/*
 * Any bytes as an answer about ackIds, of the form STATUS COUNT BODY with a
 * byte for COUNT and two for STATUS: no crash, and nothing confirmed that was
 * not asked about, or twice, or by anything but a whole 2xx.
 */
#include <stdlib.h>
#include <string.h>

#include "tp-hec/ack_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

enum { MOST_IDS = 255 };

static void
check(const struct ack_reply *answer, const struct reply *reply,
    const int64_t *ids, size_t count)
{
	if (answer->kind != ACK_REPLY_STATES && answer->confirmed > 0)
		abort();
	if (answer->kind == ACK_REPLY_STATES &&
	    (reply->status / 100 != 2 || reply->is_cut))
		abort();
	if (answer->confirmed > count)
		abort();
	for (size_t i = 0; i < answer->confirmed; i++)
		if (ids[i] < 0 || (uint64_t)ids[i] >= count ||
		    (i > 0 && ids[i] <= ids[i - 1]))
			abort();
	if (memchr(answer->why.text, '\0', sizeof(answer->why.text)) == NULL)
		abort();
}

static void
try_reply(const struct reply *reply, size_t count)
{
	int64_t ids[MOST_IDS];

	for (size_t i = 0; i < count; i++)
		ids[i] = (int64_t)i;
	struct ack_reply answer = ack_reply_of(reply, ids, count);
	check(&answer, reply, ids, count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	if (len_bytes < 3)
		return 0;
	struct reply reply = { .status = (bytes[0] << 8 | bytes[1]) % 600,
		.body = (const char *)bytes + 3,
		.len_bytes = len_bytes - 3 };
	try_reply(&reply, bytes[2]);
	reply.status = 200;
	try_reply(&reply, bytes[2]);
	reply.is_cut = 1;
	try_reply(&reply, bytes[2]);
	return 0;
}
