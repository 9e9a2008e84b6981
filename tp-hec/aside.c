/* The dead-letter file, or a reason to stop. */
#include "tp-hec/aside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/message.h"
#include "lib/notice.h"
#include "tp-hec/dead_letter.h"
#include "tp-hec/scan.h"
#include "tp-hec/stats.h"

struct aside {
	const char *path;
	struct dead_letter *file;
	struct stats *stats;
	struct notice notice;
	int is_dry;
	int is_dirty;
	int is_doubtful; /* a sync failed: never trusted again */
	int is_stopped;
	struct aside_stop stop;
};

struct aside *
aside_open(const char *path, int is_dry, struct stats *stats)
{
	struct aside *aside = calloc(1, sizeof(*aside));
	size_t cut_bytes = 0;

	if (aside == NULL)
		die(EXIT_OS, "out of memory");
	aside->path = path;
	aside->is_dry = is_dry;
	aside->stats = stats;
	if (path == NULL || is_dry)
		return aside;
	aside->file = dead_letter_open(path, &cut_bytes);
	if (aside->file == NULL)
		die(EXIT_CONFIG, "--dead-letter: %s: %s", path,
		    errno == EINVAL ? "not a regular file" : strerror(errno));
	if (cut_bytes > 0)
		message("%s: cut off %zu bytes of an unfinished record", path,
		    cut_bytes);
	return aside;
}

int
aside_is(const struct aside *aside, int fd)
{
	return aside->file != NULL && dead_letter_is(aside->file, fd);
}

void
aside_close(struct aside *aside)
{
	if (aside == NULL)
		return;
	dead_letter_close(aside->file);
	free(aside);
}

void
aside_refuse(struct aside *aside, int exit_code, int64_t line,
    const char *format, ...)
{
	va_list arguments;

	if (aside->is_stopped && aside->stop.line <= line)
		return;
	aside->is_stopped = 1;
	aside->stop.exit_code = exit_code;
	aside->stop.line = line;
	va_start(arguments, format);
	vsnprintf(aside->stop.words, sizeof(aside->stop.words), format,
	    arguments);
	va_end(arguments);
}

/* "line 12 (uid 3f9a): 400 Invalid data format (code 6)" */
static void
describe(const struct aside_event *event, const char *reason, int status,
    int code, char *words, size_t words_bytes)
{
	size_t end =
	    (size_t)snprintf(words, words_bytes, "line %" PRId64, event->line);

	if (event->uid[0] != '\0')
		end += (size_t)snprintf(words + end, words_bytes - end,
		    " (uid %s)", event->uid);
	end += (size_t)snprintf(words + end, words_bytes - end, ": ");
	if (status > 0)
		end += (size_t)snprintf(words + end, words_bytes - end, "%d ",
		    status);
	end +=
	    (size_t)snprintf(words + end, words_bytes - end, "%.200s", reason);
	if (code >= 0)
		end += (size_t)snprintf(words + end, words_bytes - end,
		    " (code %d)", code);
	if (event->true_bytes > event->len_bytes)
		snprintf(words + end, words_bytes - end, " (%" PRIu64 " bytes)",
		    event->true_bytes);
}

static int
write_record(struct aside *aside, const struct aside_event *event,
    const char *reason, int status, int code)
{
	struct scan_names none = { 0 };
	struct scan_result result;
	char longer[256];

	if (event->true_bytes > event->len_bytes) {
		snprintf(longer, sizeof(longer),
		    "%s: the first %zu of %" PRIu64 " bytes are here", reason,
		    event->len_bytes, event->true_bytes);
		reason = longer;
	}
	struct dead_letter_record record = { .line = (uint64_t)event->line,
		.uid = event->uid[0] ? event->uid : NULL,
		.code = code,
		.status = status > 0 ? status : 0,
		.reason = reason,
		.event = event->text,
		.len_bytes = event->len_bytes,
		.is_json = scan_object(event->text, event->len_bytes, &none,
			       &result) == SCAN_OK };
	return dead_letter_add(aside->file, &record);
}

int
aside_put(struct aside *aside, const struct aside_event *event,
    const char *reason, int status, int code)
{
	char words[ASIDE_WORDS_BYTES];

	describe(event, reason, status, code, words, sizeof(words));
	if (aside->is_dry) {
		message("%s", words);
		aside->stats->events_set_aside++;
		return 0;
	}
	if (aside->file == NULL) {
		aside_refuse(aside, EXIT_DATA, event->line,
		    "%s; nothing is set aside without --dead-letter", words);
		return -1;
	}
	if (write_record(aside, event, reason, status, code) == -1) {
		aside_refuse(aside, EXIT_IO, event->line, "%s: %s", aside->path,
		    strerror(errno));
		return -1;
	}
	aside->is_dirty = 1;
	aside->stats->events_set_aside++;
	if (notice_is_due(&aside->notice, 1, clock_ms()))
		message("%s; set aside in %s, %" PRIu64 " so far", words,
		    aside->path, aside->stats->events_set_aside);
	else
		message_verbose("%s; set aside in %s", words, aside->path);
	return 0;
}

int
aside_sync(struct aside *aside)
{
	if (!aside->is_dirty)
		return 0;
	if (aside->is_doubtful)
		return -1;
	if (dead_letter_sync(aside->file) == -1) {
		aside->is_doubtful = 1;
		aside_refuse(aside, EXIT_IO, 0, "%s: %s", aside->path,
		    strerror(errno));
		return -1;
	}
	aside->is_dirty = 0;
	return 0;
}

const struct aside_stop *
aside_stop(const struct aside *aside)
{
	return aside->is_stopped ? &aside->stop : NULL;
}
