/* A Prometheus text file. */
#include "lib/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/io.h"

void
metrics_add(struct buffer *text, const char *prefix,
    const struct metric *metrics, size_t count)
{
	static const char *const kinds[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
	};

	for (const struct metric *m = metrics; m < metrics + count; m++)
		buffer_printf(text,
		    "# HELP %s%s %s\n# TYPE %s%s %s\n%s%s %" PRIu64 "\n",
		    prefix, m->name, m->help, prefix, m->name, kinds[m->kind],
		    prefix, m->name, m->value);
}

static int
write_file(const char *path, const struct buffer *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd == -1)
		return -1;
	int result = io_write_all(fd, text->data, text->len_bytes);
	int saved_errno = errno;
	if (close(fd) == -1 && result == 0)
		return -1;
	errno = saved_errno;
	return result;
}

int
metrics_write(const char *path, const struct buffer *text)
{
	struct buffer aside = { 0 };

	buffer_printf(&aside, "%s.new", path);
	int result = write_file(buffer_text(&aside), text);
	if (result == 0)
		result = rename(buffer_text(&aside), path);
	buffer_free(&aside);
	return result;
}
