/* The first member `_tp`, found by its exact spelling. */
#include "tp-hec/tag.h"

#include <string.h>

#include "lib/uid.h"

static const char opening[] = "{\"_tp\":\"";

/* Digits up to the closing quote; NULL when there is anything else. */
static char *
read_number(char *at, const char *end, int64_t *number)
{
	char *first = at;

	for (*number = 0; at < end && *at >= '0' && *at <= '9'; at++) {
		if (*number > (INT64_MAX - 9) / 10)
			return NULL;
		*number = *number * 10 + (*at - '0');
	}
	return at > first && at < end && *at == '"' && *number > 0 ? at : NULL;
}

size_t
tag_strip(char *text, size_t len_bytes, struct tag *tag)
{
	size_t opening_bytes = sizeof(opening) - 1;
	char *end = text + len_bytes;

	if (len_bytes < opening_bytes ||
	    memcmp(text, opening, opening_bytes) != 0)
		return 0;
	char *run = text + opening_bytes;
	char *slash = memchr(run, '/', (size_t)(end - run));
	if (slash == NULL || !uid_is_plain(run, (size_t)(slash - run)))
		return 0;
	char *quote = read_number(slash + 1, end, &tag->number);
	if (quote == NULL || quote + 1 == end)
		return 0;
	memcpy(tag->run, run, (size_t)(slash - run));
	tag->run[slash - run] = '\0';
	char *rest = quote + 1;
	if (*rest == '}')
		rest--; /* it was the only member */
	else if (*rest != ',')
		return 0;
	*rest = '{';
	return (size_t)(rest - text);
}
