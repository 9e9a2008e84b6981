/*
 * Events that were accepted together.
 */
#include "batch.h"

#include <string.h>

void
batch_add(struct batch *batch, const char *event, size_t len)
{
	char *to = bytes_reserve(&batch->lines, len + 1);
	char *end = to;

	if (memchr(event, '\n', len) == NULL &&
	    memchr(event, '\r', len) == NULL) {
		memcpy(to, event, len);
		end = to + len;
	} else {
		for (size_t i = 0; i < len; i++)
			if (event[i] != '\n' && event[i] != '\r')
				*end++ = event[i];
	}
	*end++ = '\n';
	batch->lines.len += (size_t)(end - to);
	batch->count++;
}

/* FNV-1a, from two different starts. */
static uint64_t
hash(const char *text, uint64_t value)
{
	for (; *text != '\0'; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3U;
	return value;
}

void
batch_add_uid(struct batch *batch, const char *text)
{
	struct uid uid = { 0, 0 };

	if (text != NULL)
		uid = (struct uid){ hash(text, 0xcbf29ce484222325U),
			hash(text, 0x9e3779b97f4a7c15U) | 1 };
	bytes_append(&batch->uids, &uid, sizeof uid);
}

void
batch_free(struct batch *batch)
{
	bytes_free(&batch->lines);
	bytes_free(&batch->uids);
	batch->count = 0;
}
