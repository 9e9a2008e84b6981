/*
 * Any bytes as a reply, of the form STATUS LINES BODY with a byte for LINES and
 * two for STATUS: no crash, nothing settled that the request did not have, and
 * success only with status, code and whole body.
 */
#include <stdlib.h>
#include <string.h>

#include "tp-hec/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static void
check(const struct verdict *v, const struct reply *reply, size_t lines)
{
	if (v->kept > lines || v->ack_id < -1 || v->retry_after_ms < -1 ||
	    v->retry_after_ms > VERDICT_RETRY_AFTER_MAX_MS)
		abort();
	if (v->kind == VERDICT_PREFIX_BAD && v->bad >= lines)
		abort();
	if (v->kept > 0 && v->kind != VERDICT_RETRY && v->kind != VERDICT_HOLD)
		abort();
	if (v->kind == VERDICT_ACCEPTED &&
	    (reply->status / 100 != 2 || reply->is_cut ||
		(v->code != 0 && v->code != 24 && v->code != 25)))
		abort();
	if (memchr(v->text, '\0', sizeof(v->text)) == NULL)
		abort();
	for (const char *at = v->text; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	char retry_after[32];

	if (len_bytes < 3)
		return 0;
	struct reply reply = { .status = (bytes[0] << 8 | bytes[1]) % 600,
		.body = (const char *)bytes + 3,
		.len_bytes = len_bytes - 3,
		.now_seconds = 1700000000 };
	size_t lines = bytes[2];
	size_t n = reply.len_bytes < sizeof(retry_after) - 1
		       ? reply.len_bytes
		       : sizeof(retry_after) - 1;
	memcpy(retry_after, reply.body, n);
	retry_after[n] = '\0';
	struct verdict verdict = verdict_of(&reply, lines);
	check(&verdict, &reply, lines);
	reply.retry_after = retry_after;
	reply.is_cut = 1;
	verdict = verdict_of(&reply, lines);
	check(&verdict, &reply, lines);
	return 0;
}
