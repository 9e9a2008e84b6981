/*
 * `"_tp":"RUN/N"`, which tp-fetch --tag writes as an event's first member so
 * that filters between it and tp-hec may drop lines: N is then what is
 * acknowledged, and the member is taken off before sending.  Pure.
 */
#ifndef TP_HEC_TAG_H
#define TP_HEC_TAG_H

#include <stddef.h>
#include <stdint.h>

enum { TAG_RUN_BYTES = 64, TAG_MAX_BYTES = 128 };

struct tag {
	char run[TAG_RUN_BYTES + 1];
	int64_t number;
};

/*
 * Takes the tag off in place: returns how many bytes at the beginning of
 * `text` are none of the event's any more; 0: the line has no tag (or something
 * else of that name) and is unchanged.
 */
size_t tag_strip(char *text, size_t len_bytes, struct tag *tag);

#endif
