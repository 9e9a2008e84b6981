/* Acknowledgement lines. */
#include "tp-hec/ack_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/io.h"

enum { LINE_BYTES = 512 };

int
ack_out_safe(int fd, const struct window_mark *safe)
{
	char line[LINE_BYTES];
	int len_bytes = snprintf(line, sizeof(line), "ack %" PRId64 "%s%s\n",
	    safe->number, safe->uid[0] ? " " : "", safe->uid);

	return io_write_all(fd, line, (size_t)len_bytes);
}

int
ack_out_end(int fd, int64_t number)
{
	char line[LINE_BYTES];
	int len_bytes =
	    snprintf(line, sizeof(line), "end %" PRId64 "\n", number);

	return io_write_all(fd, line, (size_t)len_bytes);
}

int
ack_out_stop(int fd, int64_t number, const char *text)
{
	char line[LINE_BYTES];

	snprintf(line, sizeof(line) - 1, "stop %" PRId64 " %s", number, text);
	size_t len_bytes = strlen(line);
	for (size_t i = 0; i < len_bytes; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			line[i] = '?';
	line[len_bytes++] = '\n';
	return io_write_all(fd, line, len_bytes);
}
