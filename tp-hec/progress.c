/* A line on the terminal. */
#include "tp-hec/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tp-hec/complaint.h"
#include "tp-hec/stats.h"

enum { INTERVAL_MS = 1000 };

static const char clear_line[] = "\r\033[K";

void
progress_start(struct progress *progress, int64_t now_ms)
{
	*progress = (struct progress){ .is_on = isatty(STDERR_FILENO) &&
						!isatty(STDOUT_FILENO),
		.due_ms = now_ms + INTERVAL_MS,
		.shown_ms = now_ms };
}

static void
print(const char *text, size_t len_bytes)
{
	ssize_t written = write(STDERR_FILENO, text, len_bytes);

	(void)written; /* a line less */
}

void
progress_show(struct progress *progress, const struct stats *stats,
    const char *why, int64_t now_ms)
{
	char line[400];
	char rate[32];
	char acknowledged[32];
	char held[32];

	if (!progress->is_on || now_ms < progress->due_ms)
		return;
	uint64_t done =
	    stats->events_acknowledged - progress->shown_acknowledged;
	uint64_t passed_ms = (uint64_t)(now_ms - progress->shown_ms);
	complaint_count(done * 1000 / (passed_ms ? passed_ms : 1), rate);
	complaint_count(stats->events_acknowledged, acknowledged);
	complaint_count(stats->lines_in_hand, held);
	int len_bytes = snprintf(line, sizeof(line),
	    "%s%s acknowledged, %s/s, %s in hand, %" PRIu64
	    " requests in flight%s%.200s\r",
	    clear_line, acknowledged, rate, held, stats->requests_in_flight,
	    why ? "; waiting: " : "", why ? why : "");
	print(line, (size_t)len_bytes);
	progress->is_shown = 1;
	progress->due_ms = now_ms + INTERVAL_MS;
	progress->shown_ms = now_ms;
	progress->shown_acknowledged = stats->events_acknowledged;
}

void
progress_end(struct progress *progress)
{
	if (progress->is_shown)
		print(clear_line, sizeof(clear_line) - 1);
	progress->is_shown = 0;
}
