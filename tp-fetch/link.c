/* What every layer of a link shares: closing, waiting, saying why. */
#include "tp-fetch/link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

void
link_close(struct link *link)
{
	if (link != NULL)
		link->operations->close(link);
}

void
link_fail(struct link_failure *failure, const char *format, ...)
{
	va_list arguments;

	failure->is_refusal = 0;
	va_start(arguments, format);
	vsnprintf(failure->why, sizeof(failure->why), format, arguments);
	va_end(arguments);
}

int
link_wait(int fd, short events, int64_t deadline_ms, int cancel_fd,
    struct link_failure *failure)
{
	struct pollfd set[] = {
		{ .fd = fd, .events = events },
		{ .fd = cancel_fd, .events = POLLIN },
	};

	for (;;) {
		int64_t left_ms = deadline_ms - clock_ms();
		if (left_ms <= 0) {
			link_fail(failure, "timed out");
			return -1;
		}
		int n =
		    poll(set, 2, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
		if (n == -1 && errno != EINTR) {
			link_fail(failure, "poll: %s", strerror(errno));
			return -1;
		}
		if (n > 0 && set[1].revents != 0) {
			link_fail(failure, "interrupted");
			return -1;
		}
		if (n > 0)
			return 0;
	}
}
