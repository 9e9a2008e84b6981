/* What the state directory holds. */
#include "tp-cursor/show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cursor_file.h"
#include "lib/message.h"
#include "tp-cursor/journal.h"
#include "tp-cursor/journal_reader.h"

static json_t *
make(json_t *value)
{
	if (value == NULL)
		die(EXIT_OS, "out of memory");
	return value;
}

/*
 * Counts from the committed line on, if that is this run's: what lies before
 * it may have been trimmed.
 */
static json_t *
describe_records(const struct journal *journal, const struct cursor *cursor)
{
	int is_same_run =
	    cursor->state != NULL && strcmp(cursor->run, journal->run) == 0;
	int64_t lines = is_same_run ? cursor->line : 0;
	struct journal_reader *reader = journal_reader_new(journal->fd,
	    is_same_run ? cursor->offset_bytes : journal->records_offset);
	struct journal_record record;
	enum journal_status status;
	int is_finished = 0;

	while (
	    (status = journal_reader_peek(reader, &record)) == JOURNAL_RECORD &&
	    !is_finished) {
		lines += record.kind == JOURNAL_LINE;
		is_finished = record.kind == JOURNAL_FINISHED;
		journal_reader_advance(reader);
	}
	int64_t offset = journal_reader_offset(reader);
	journal_reader_free(reader);
	if (status == JOURNAL_ERROR)
		message("journal: %s", strerror(errno));
	else if (status == JOURNAL_DAMAGED)
		message("journal: damaged at byte %lld", (long long)offset);
	return make(json_pack("{s:s,s:I,s:b,s:I,s:b}", "run", journal->run,
	    "lines", (json_int_t)lines, "finished", is_finished,
	    "trimmed_bytes", (json_int_t)journal_trimmed_bytes(journal),
	    "damaged", status == JOURNAL_DAMAGED || status == JOURNAL_ERROR));
}

/* null when there is none. */
static json_t *
describe_journal(int dir_fd, const char *path, const struct cursor *cursor,
    int *exit_code)
{
	struct journal journal;

	switch (journal_open(dir_fd, &journal)) {
	case JOURNAL_OPEN_OK:
		break;
	case JOURNAL_OPEN_MISSING:
		return json_null();
	case JOURNAL_OPEN_DAMAGED:
		message("%s/journal: damaged: it has no header that this "
			"program knows",
		    path);
		*exit_code = EXIT_DATA;
		return json_null();
	case JOURNAL_OPEN_ERROR:
	default:
		message("%s/journal: %s", path, strerror(errno));
		*exit_code = EXIT_IO;
		return json_null();
	}
	json_t *described = describe_records(&journal, cursor);
	if (json_is_true(json_object_get(described, "damaged")))
		*exit_code = EXIT_DATA;
	journal_close(&journal);
	return described;
}

static json_t *
describe_cursor(int dir_fd, const char *path, struct cursor *cursor,
    int *exit_code)
{
	char why[128];

	switch (cursor_file_read(dir_fd, cursor, why)) {
	case CURSOR_OK:
		return make(json_pack("{s:s,s:s,s:s,s:I,s:I,s:O}", "written",
		    cursor->written, "by", cursor->by, "run", cursor->run,
		    "line", (json_int_t)cursor->line, "offset",
		    (json_int_t)cursor->offset_bytes, "state", cursor->state));
	case CURSOR_MISSING:
		break;
	case CURSOR_DAMAGED:
		message("%s/cursor: damaged: %s: put back a good copy, or "
			"remove it and give tp-fetch a --start-time",
		    path, why);
		*exit_code = EXIT_DATA;
		break;
	case CURSOR_ERROR:
		message("%s/cursor: %s", path, strerror(errno));
		*exit_code = EXIT_IO;
		break;
	}
	return json_null();
}

static const char *
text_at(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "-";
}

static long long
number_at(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* The server's words: what could drive a terminal is shown as "?". */
static void
print_plain(const char *label, const char *text)
{
	fputs(label, stdout);
	for (; *text != '\0'; text++)
		putchar(
		    (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
	putchar('\n');
}

/* tp-fetch's own words; what it does not have is left out. */
static void
print_state(const json_t *state)
{
	const json_t *search = json_object_get(state, "search");
	const char *key = text_at(search, "key");

	print_plain("cluster    ", text_at(state, "cluster"));
	if (search == NULL)
		return;
	printf("window     %s to %s\n", text_at(search, "from"),
	    text_at(search, "to"));
	printf("read up to %s\n", text_at(search, "at"));
	print_plain("page key   ", *key ? key : "(the window's first page)");
	printf("seen       %zu events of the page in hand\n",
	    json_object_size(json_object_get(search, "seen")));
}

static void
print_for_people(const json_t *cursor, const json_t *journal, int is_readable)
{
	if (!is_readable)
		puts("committed  cannot be read");
	else if (json_is_null(cursor))
		puts("committed  nothing yet");
	else {
		print_state(json_object_get(cursor, "state"));
		printf("committed  line %lld of run %s\n",
		    number_at(cursor, "line"), text_at(cursor, "run"));
		printf("written    %s by %s\n", text_at(cursor, "written"),
		    text_at(cursor, "by"));
	}
	if (json_is_null(journal)) {
		puts("journal    none");
		return;
	}
	printf("journal    run %s, %lld lines, %s\n", text_at(journal, "run"),
	    number_at(journal, "lines"),
	    json_is_true(json_object_get(journal, "finished"))
		? "finished"
		: "not finished");
	printf("trimmed    %lld bytes\n", number_at(journal, "trimmed_bytes"));
}

int
show(int dir_fd, const char *path, int is_json)
{
	struct cursor cursor;
	int exit_code = 0;
	json_t *committed = describe_cursor(dir_fd, path, &cursor, &exit_code);
	int is_readable = exit_code == 0;
	json_t *journal = describe_journal(dir_fd, path, &cursor, &exit_code);

	if (is_json) {
		json_t *whole = make(json_pack("{s:O,s:O}", "cursor", committed,
		    "journal", journal));
		json_dumpf(whole, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(whole);
	} else
		print_for_people(committed, journal, is_readable);
	json_decref(committed);
	json_decref(journal);
	cursor_free(&cursor);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		message("standard output: %s", strerror(errno));
		return EXIT_IO;
	}
	return exit_code;
}
