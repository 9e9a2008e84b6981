/* Any bytes as a record of a dead-letter file: no crash, and an event only
   where there is one. */
#include <stdlib.h>
#include <string.h>

#include "tp-hec/dead_letter.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	struct buffer scratch = { 0 };
	struct scan_slice event;
	char *line = calloc(len_bytes + SCAN_PADDING, 1);

	if (line == NULL)
		abort();
	memcpy(line, bytes, len_bytes);
	if (dead_letter_event(line, len_bytes, &scratch, &event) == 0) {
		struct scan_names names = { 0 };
		struct scan_result scan;
		if (event.len_bytes > len_bytes)
			abort();
		/* Readable with its padding. */
		scan_object(event.text, event.len_bytes, &names, &scan);
	}
	buffer_free(&scratch);
	free(line);
	return 0;
}
